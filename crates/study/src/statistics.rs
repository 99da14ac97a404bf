//! Numbers that describe a population, and how well they are known.

use bss2_emu::rng::philox4x32;

/// Resamplings of a bootstrap.
const RESAMPLES: u32 = 2000;
/// Key of the bootstrap's draws: always the same, so that the same results have the same interval.
const BOOTSTRAP_KEY: [u32; 2] = [0x7374_7564, 0x7921_2121];

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation with `n - 1`; `None` of fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The quantile `q` in `0..=1`, linear between order statistics (type 7 of Hyndman and Fan); `None` of nothing.
///
/// ```
/// use study::statistics::quantile;
///
/// assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.5), Some(2.5));
/// assert_eq!(quantile(&[0.0, 10.0], 0.1), Some(1.0));
/// ```
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    Some(sorted[low] + (at - low as f64) * (sorted[high] - sorted[low]))
}

/// Standard deviations of a two-way table: chips by training seeds, or chips by the chips that networks come from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Components {
    /// Between chips; `None` with one chip.
    pub chip: Option<f64>,
    /// Between the networks of different chips, their trainings included; `None` where networks stay.
    pub source: Option<f64>,
    /// Between trainings; `None` with one seed.
    pub seed: Option<f64>,
    /// What neither explains: how this training and this chip go together, and temporal noise.
    pub rest: Option<f64>,
}

/// Takes the variance of a full table `(chip, seed)` apart, by the expected mean squares of random effects.
///
/// ```text
/// x_cs = m + a_c + b_s + e_cs      MS_c = n_s sum_c (x_c. - x..)^2/(n_c - 1),   MS_s likewise,   MS_e of what is left
/// var a = (MS_c - MS_e)/n_s        var b = (MS_s - MS_e)/n_c        var e = MS_e         negative estimates count as 0
/// ```
/// With one seed (or one chip) there is no rest, and all variance is that between chips (or seeds).
///
/// # Panics
/// If rows differ in length.
pub fn components(table: &[Vec<f64>]) -> Components {
    let chips = table.len();
    let seeds = table.first().map_or(0, Vec::len);
    assert!(table.iter().all(|row| row.len() == seeds), "a full table");
    let column = |s: usize| -> Vec<f64> { table.iter().map(|row| row[s]).collect() };
    if chips < 2 || seeds < 2 {
        let chip = if seeds == 1 { sd(&column(0)) } else { None };
        let seed = if chips == 1 { table.first().and_then(|row| sd(row)) } else { None };
        return Components { chip, seed, ..Components::default() };
    }
    let of_chip: Vec<f64> = table.iter().filter_map(|row| mean(row)).collect();
    let of_seed: Vec<f64> = (0..seeds).filter_map(|s| mean(&column(s))).collect();
    let all = of_chip.iter().sum::<f64>() / chips as f64;
    let square = |means: &[f64]| means.iter().map(|m| (m - all).powi(2)).sum::<f64>();
    let (n_c, n_s) = (chips as f64, seeds as f64);
    let ms_chip = n_s * square(&of_chip) / (n_c - 1.0);
    let ms_seed = n_c * square(&of_seed) / (n_s - 1.0);
    let left = table
        .iter()
        .zip(&of_chip)
        .flat_map(|(row, chip)| row.iter().zip(&of_seed).map(move |(x, seed)| (x - chip - seed + all).powi(2)));
    let ms_rest = left.sum::<f64>() / ((n_c - 1.0) * (n_s - 1.0));
    let root = |variance: f64| Some(variance.max(0.0).sqrt());
    Components {
        chip: root((ms_chip - ms_rest) / n_s),
        seed: root((ms_seed - ms_rest) / n_c),
        rest: root(ms_rest),
        ..Components::default()
    }
}

/// The same for networks that go from each of `n` chips to every other: tables `(chip, source)`, one for each training seed, whose diagonal is
/// not looked at.
///
/// ```text
/// x_cs = m + a_c + b_s + e_cs  (c != s)     sums of deviations from the mean: R_c over sources, C_s over chips
/// a_c = ((n-1) R_c + C_c) / (n (n-2))       b_s likewise        MS_e = sum (x - m - a - b)^2 / (n(n-1) - 1 - 2(n-1))
/// var a = s^2(a) - MS_e (n-1)/(n(n-2))      var b likewise      means over seeds; negative estimates count as 0
/// ```
/// Least squares of a table without its diagonal (Griffing 1956, method 3, effects of both roles apart). Fewer than four chips leave nothing
/// to tell the parts by.
///
/// # Panics
/// If a table is not square.
pub fn components_of_pairs(tables: &[Vec<Vec<f64>>]) -> Components {
    let mut sums = [0.0; 3];
    for table in tables {
        let n = table.len();
        assert!(table.iter().all(|row| row.len() == n), "a square table");
        if n < 4 {
            return Components::default();
        }
        let (size, roles) = (n as f64, Roles::of(table));
        let left = pairs(n).map(|(c, s)| (table[c][s] - roles.at(c, s)).powi(2)).sum::<f64>();
        let ms_rest = left / (size * (size - 1.0) - 1.0 - 2.0 * (size - 1.0));
        let own = ms_rest * (size - 1.0) / (size * (size - 2.0));
        for (sum, effects) in sums.iter_mut().zip(&roles.effects) {
            *sum += sd(effects).map_or(0.0, |sd| sd * sd) - own;
        }
        sums[2] += ms_rest;
    }
    if tables.is_empty() {
        return Components::default();
    }
    let [chip, source, rest] = sums.map(|sum| Some((sum / tables.len() as f64).max(0.0).sqrt()));
    Components { chip, source, rest, seed: None }
}

/// What chips and sources add to the mean of a square table without its diagonal, by least squares.
struct Roles {
    all: f64,
    /// Of chips, then of sources.
    effects: [Vec<f64>; 2],
}

impl Roles {
    /// Of a table with three rows or more.
    fn of(table: &[Vec<f64>]) -> Self {
        let n = table.len();
        let size = n as f64;
        let all = pairs(n).map(|(c, s)| table[c][s]).sum::<f64>() / (size * (size - 1.0));
        let mut sums = [vec![0.0; n], vec![0.0; n]];
        for (c, s) in pairs(n) {
            sums[0][c] += table[c][s] - all;
            sums[1][s] += table[c][s] - all;
        }
        let effect = |own: f64, other: f64| ((size - 1.0) * own + other) / (size * (size - 2.0));
        let of = |own: usize| sums[own].iter().zip(&sums[1 - own]).map(|(a, b)| effect(*a, *b)).collect();
        Self { all, effects: [of(0), of(1)] }
    }

    fn at(&self, chip: usize, source: usize) -> f64 {
        self.all + self.effects[0][chip] + self.effects[1][source]
    }
}

/// Pairs of two of `n`, in order.
fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |c| (0..n).filter(move |s| *s != c).map(move |s| (c, s)))
}

/// Percentile bootstrap interval (2.5 to 97.5 %) of the mean of a table `(chip, seed)` whose cells may be missing: chips and seeds are drawn
/// anew, each with replacement, so that the interval is that of other chips and other trainings. `None` of nothing.
///
/// Chips alone are drawn where there is one seed, and the other way round. The draws have a fixed key.
pub fn bootstrap(table: &[Vec<Option<f64>>]) -> Option<(f64, f64)> {
    let chips = table.len();
    let seeds = table.first().map_or(0, Vec::len);
    if !table.iter().flatten().any(Option::is_some) {
        return None;
    }
    let mut means = Vec::new();
    for resample in 0..RESAMPLES {
        let (rows, columns) = (redrawn(resample, 0, chips), redrawn(resample, 1, seeds));
        let drawn: Vec<f64> = rows.iter().flat_map(|&r| columns.iter().filter_map(move |&c| table[r][c])).collect();
        means.extend(mean(&drawn));
    }
    Some((quantile(&means, 0.025)?, quantile(&means, 0.975)?))
}

/// The same for networks that go from each chip to every other: tables `(chip, source)`, one for each training seed, whose diagonal is not
/// looked at. A chip that is drawn is drawn in both roles; what it would do with itself is what its two roles add up to, so that chips
/// that are drawn twice count twice. Where a table lacks more than its diagonal such pairs are left out, and the interval is somewhat narrow.
pub fn bootstrap_of_pairs(tables: &[Vec<Vec<Option<f64>>>]) -> Option<(f64, f64)> {
    let chips = tables.first().map_or(0, Vec::len);
    if !tables.iter().flatten().flatten().any(Option::is_some) {
        return None;
    }
    let tables: Vec<_> = tables.iter().map(|table| with_diagonal(table)).collect();
    let mut means = Vec::new();
    for resample in 0..RESAMPLES {
        let (drawn, seeds) = (redrawn(resample, 0, chips), redrawn(resample, 1, tables.len()));
        let both = || drawn.iter().flat_map(|c| drawn.iter().map(move |s| (*c, *s)));
        let values: Vec<f64> = seeds.iter().flat_map(|seed| both().filter_map(|(c, s)| tables[*seed][c][s])).collect();
        means.extend(mean(&values));
    }
    Some((quantile(&means, 0.025)?, quantile(&means, 0.975)?))
}

/// A square table with the sum of both roles in its diagonal, where these are known.
fn with_diagonal(table: &[Vec<Option<f64>>]) -> Vec<Vec<Option<f64>>> {
    let filled: Option<Vec<Vec<f64>>> = table
        .iter()
        .enumerate()
        .map(|(c, row)| row.iter().enumerate().map(|(s, x)| if c == s { Some(0.0) } else { *x }).collect())
        .collect();
    let roles = filled.filter(|full| full.len() > 2).map(|full| Roles::of(&full));
    let cell = |c: usize, s: usize, x: Option<f64>| if c == s { roles.as_ref().map(|roles| roles.at(c, c)) } else { x };
    table.iter().enumerate().map(|(c, row)| row.iter().enumerate().map(|(s, x)| cell(c, s, *x)).collect()).collect()
}

/// `n` numbers below `n`, drawn with replacement: of chips (`kind` 0) or seeds (1).
fn redrawn(resample: u32, kind: u32, n: usize) -> Vec<usize> {
    let draw = |index: usize| {
        let words = philox4x32([resample, kind, index as u32, 0], BOOTSTRAP_KEY);
        ((u64::from(words[0]) * n as u64) >> 32) as usize
    };
    (0..n).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table made of known effects, worked out by hand.
    #[test]
    fn variance_is_taken_apart() {
        // Pure effects: x = a_c + b_s, no rest.
        let table = vec![vec![1.0, 3.0], vec![2.0, 4.0], vec![3.0, 5.0]];
        let found = components(&table);
        assert!((found.chip.unwrap() - 1.0).abs() < 1e-12);
        assert!((found.seed.unwrap() - 2_f64.sqrt()).abs() < 1e-12);
        assert!(found.rest.unwrap() < 1e-12);
        assert_eq!(components(&[vec![1.0], vec![3.0]]).chip, Some(2_f64.sqrt()));
        assert_eq!(components(&[vec![1.0, 3.0]]).seed, Some(2_f64.sqrt()));
        assert_eq!(components(&[vec![1.0]]), Components::default());
    }

    /// Expected values over many tables of normal draws with spreads 2, 1 and .5.
    #[test]
    fn components_are_unbiased() {
        use bss2_emu::rng::{Purpose, Stream};
        let mut sums = [0.0; 3];
        let tables = 400;
        for n in 0..tables {
            let mut draws = Stream::new(n, Purpose::Search, [0, 0, 0]);
            let chips: Vec<f64> = (0..8).map(|_| 2.0 * draws.normal()).collect();
            let seeds: Vec<f64> = (0..5).map(|_| draws.normal()).collect();
            let table: Vec<Vec<f64>> =
                chips.iter().map(|c| seeds.iter().map(|s| c + s + 0.5 * draws.normal()).collect()).collect();
            let found = components(&table);
            for (sum, value) in sums.iter_mut().zip([found.chip, found.seed, found.rest]) {
                *sum += value.unwrap().powi(2) / tables as f64;
            }
        }
        // Four standard errors: of 400 estimates with 7 and 4 degrees of freedom.
        for (found, (true_variance, tolerance)) in sums.iter().zip([(4.0, 0.45), (1.0, 0.15), (0.25, 0.015)]) {
            assert!((found - true_variance).abs() < tolerance, "{sums:?}");
        }
    }

    /// Networks from chip to chip: spreads 2 (chips), 1 (sources) and .5, ten chips, one table in each of 400 studies. The interval that
    /// draws a chip in both roles holds the true mean about as often as it says.
    #[test]
    fn pairs_are_taken_apart_by_role() {
        use bss2_emu::rng::{Purpose, Stream};
        let (studies, n) = (400, 10);
        let (mut sums, mut held) = ([0.0; 3], 0);
        for study in 0..studies {
            let mut draws = Stream::new(study, Purpose::Search, [1, 0, 0]);
            let chips: Vec<f64> = (0..n).map(|_| 2.0 * draws.normal()).collect();
            let sources: Vec<f64> = (0..n).map(|_| draws.normal()).collect();
            let table: Vec<Vec<f64>> =
                chips.iter().map(|c| sources.iter().map(|s| c + s + 0.5 * draws.normal()).collect()).collect();
            let found = components_of_pairs(std::slice::from_ref(&table));
            for (sum, value) in sums.iter_mut().zip([found.chip, found.source, found.rest]) {
                *sum += value.unwrap().powi(2) / studies as f64;
            }
            let known = |c: usize, s: usize| (c != s).then_some(table[c][s]);
            let tables = [(0..n).map(|c| (0..n).map(|s| known(c, s)).collect()).collect()];
            let (low, high) = bootstrap_of_pairs(&tables).unwrap();
            held += usize::from(low < 0.0 && 0.0 < high);
        }
        // Four standard errors of 400 estimates with nine degrees of freedom.
        for (found, (true_variance, tolerance)) in sums.iter().zip([(4.0, 0.4), (1.0, 0.11), (0.25, 0.01)]) {
            assert!((found - true_variance).abs() < tolerance, "{sums:?}");
        }
        // Percentiles of ten chips hold 90 % (Student's t with nine degrees of freedom); four standard errors of 400 studies are 6.
        assert!((336..=384).contains(&held), "{held}");
        // Without noise the parts come back exactly.
        let exact: Vec<Vec<f64>> =
            (0..5).map(|c| (0..5).map(|s| f64::from(c) + 0.1 * f64::from(s)).collect()).collect();
        let found = components_of_pairs(&[exact]);
        assert!((found.chip.unwrap() - 2.5_f64.sqrt()).abs() < 1e-12 && found.rest.unwrap() < 1e-12);
        assert!((found.source.unwrap() - 0.1 * 2.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(components_of_pairs(&[vec![vec![0.0; 3]; 3]]), Components::default());
    }

    #[test]
    fn intervals_hold_the_mean_and_repeat() {
        let table: Vec<Vec<Option<f64>>> = (0..20)
            .map(|c| (0..3).map(|s| (c + s != 5).then(|| f64::from(c) + 0.1 * f64::from(s))).collect())
            .collect();
        let (low, high) = bootstrap(&table).unwrap();
        assert!(low < 9.6 && 9.6 < high && low > 5.0 && high < 14.0, "{low} {high}");
        assert_eq!(bootstrap(&table), Some((low, high)));
        // The standard error of the mean of 20 chips of sd 5.9 is 1.3: the interval is some 4 of it wide.
        assert!((high - low - 3.92 * 5.77 / 20_f64.sqrt()).abs() < 0.6, "{low} {high}");
        assert_eq!(bootstrap(&[vec![None]]), None);
        assert_eq!(bootstrap(&[vec![Some(2.0)]]), Some((2.0, 2.0)));
    }

    #[test]
    fn quantiles_of_little() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
        assert_eq!(sd(&[1.0]), None);
        assert_eq!(mean(&[]), None);
    }
}
