//! The raw spread of emulated chips against that of real ones.
//!
//! The calibrations of three chips are public as the codes that they found for equal targets. The codes that equalise an
//! emulated chip must spread, and correlate, as these do. `-- --nocapture` prints the tables of `docs/results/raw_spread.md`.

use bss2_emu::capmem::Cell;
use bss2_emu::spec::{ChipSpec, Preset};
use bss2_emu::transfer::{EqualTargets, equalising_codes};
use bss2_emu::variation::Deviations;
use ndarray::Array1;

use crate::data;

/// Name in the recordings, name here, cell.
const FIELDS: [(&str, &str, Cell); 10] = [
    ("leak_v_leak", "v_leak", Cell::VLeak),
    ("reset_v_reset", "v_reset", Cell::VReset),
    ("threshold_v_threshold", "v_threshold", Cell::VThreshold),
    ("leak_i_bias", "i_bias_leak", Cell::Leak),
    ("exc_i_bias_tau", "exc_tau", Cell::ExcTau),
    ("inh_i_bias_tau", "inh_tau", Cell::InhTau),
    ("exc_i_bias_gm", "exc_gm", Cell::ExcGm),
    ("inh_i_bias_gm", "inh_gm", Cell::InhGm),
    ("exc_i_shift_reference", "exc_shift", Cell::ExcShift),
    ("inh_i_shift_reference", "inh_shift", Cell::InhShift),
];
const CHIPS: [&str; 3] = ["w66_BB", "chip55_port10360_capocaccia", "chip63_port10060_capocaccia"];
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;

/// Statistics of the codes of one chip, or their mean over chips.
#[derive(Clone, Copy, Default)]
struct Spread {
    mean: [f64; 10],
    sd: [f64; 10],
    cv: [f64; 10],
    correlation: [[f64; 10]; 10],
}

impl Spread {
    fn of(codes: &[Vec<f64>]) -> Self {
        let mut spread = Self::default();
        let n = codes[0].len() as f64;
        let covariance = |a: usize, b: usize, mean: &[f64; 10]| {
            codes[a].iter().zip(&codes[b]).map(|(x, y)| (x - mean[a]) * (y - mean[b])).sum::<f64>() / n
        };
        spread.mean = std::array::from_fn(|k| codes[k].iter().sum::<f64>() / n);
        spread.sd = std::array::from_fn(|k| covariance(k, k, &spread.mean).sqrt());
        spread.cv = std::array::from_fn(|k| spread.sd[k] / spread.mean[k]);
        spread.correlation = std::array::from_fn(|a| {
            std::array::from_fn(|b| covariance(a, b, &spread.mean) / (spread.sd[a] * spread.sd[b]))
        });
        spread
    }

    /// The mean of one statistic over chips.
    fn mean_of(chips: &[Self], statistic: impl Fn(&Self) -> f64) -> f64 {
        chips.iter().map(statistic).sum::<f64>() / chips.len() as f64
    }

    /// Its smallest and largest value.
    fn range_of(chips: &[Self], statistic: impl Fn(&Self) -> f64) -> (f64, f64) {
        chips.iter().map(statistic).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)))
    }
}

fn real_chips(path: &std::path::Path) -> Vec<Spread> {
    let column = |chip: &str, field: &str| {
        let codes: Array1<i16> = data::array(path, &format!("{chip}__{field}"));
        codes.iter().map(|code| f64::from(*code)).collect()
    };
    CHIPS.map(|chip| Spread::of(&FIELDS.map(|(field, ..)| column(chip, field)))).to_vec()
}

fn emulated_chips() -> Vec<Spread> {
    let of_seed = |seed| {
        let chip = Deviations::draw(&ChipSpec::new(Preset::Bss2, seed));
        let codes = equalising_codes(&chip, &EqualTargets::default());
        Spread::of(&FIELDS.map(|(.., cell)| codes.iter().map(|cells| cells.get(cell)).collect::<Vec<f64>>()))
    };
    SEEDS.map(of_seed).collect()
}

/// Mean over the emulated chips of every standard deviation, coefficient of variation and correlation, against the range of the
/// three real chips, widened by 15 % (correlations by .15).
#[test]
fn equalising_codes_spread_as_those_of_real_chips() {
    let Some(folder) = data::folder("equalising_codes_spread_as_those_of_real_chips") else { return };
    let real = real_chips(&folder.join("recordings/calibration_codes_3chips.npz"));
    let emulated = emulated_chips();
    let mut outside = Vec::new();

    println!(
        "| code | mean: real | emulated | sd: real | emulated | cv: real | emulated |\n|---|---|---|---|---|---|---|"
    );
    for (k, (_, name, _)) in FIELDS.iter().enumerate() {
        let compare = |statistic: fn(&Spread) -> &[f64; 10]| {
            let (least, most) = Spread::range_of(&real, |s| statistic(s)[k]);
            (least, most, Spread::mean_of(&emulated, |s| statistic(s)[k]))
        };
        // Means follow the choice of a nominal chip and its spread over chips: shown, not judged.
        let (mean, sd, cv) = (compare(|s| &s.mean), compare(|s| &s.sd), compare(|s| &s.cv));
        for (what, (least, most, found)) in [("sd", sd), ("cv", cv)] {
            if !(0.85 * least..=1.15 * most).contains(&found) {
                outside.push(format!("{what} of {name}: {found:.3} for {least:.3} .. {most:.3}"));
            }
        }
        println!(
            "| `{name}` | {:.0} .. {:.0} | {:.0} | {:.1} .. {:.1} | {:.1} | {:.1} .. {:.1} % | {:.1} % |",
            mean.0,
            mean.1,
            mean.2,
            sd.0,
            sd.1,
            sd.2,
            100.0 * cv.0,
            100.0 * cv.1,
            100.0 * cv.2
        );
    }

    println!("\n| pair | real | emulated |\n|---|---|---|");
    for (a, (_, one, _)) in FIELDS.iter().enumerate() {
        for (b, (_, other, _)) in FIELDS.iter().enumerate().skip(a + 1) {
            let value = |s: &Spread| s.correlation[a][b];
            let (least, most) = Spread::range_of(&real, value);
            let found = Spread::mean_of(&emulated, value);
            println!("| `{one}`, `{other}` | {least:.2} .. {most:.2} | {found:.2} |");
            if !(least - 0.15..=most + 0.15).contains(&found) {
                outside.push(format!("correlation of {one}, {other}: {found:.3} for {least:.3} .. {most:.3}"));
            }
        }
    }
    assert!(outside.is_empty(), "outside the range of the real chips:\n{}", outside.join("\n"));
}
