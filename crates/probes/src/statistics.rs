//! Means, spreads and lines, summed in the order of the data.

/// Mean of the values; `NaN` of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation of the values (of a population, not a sample); `NaN` of none.
pub fn sd(values: &[f64]) -> f64 {
    let centre = mean(values);
    libm::sqrt(values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / values.len() as f64)
}

/// Slope of the line through the origin that fits `(x, y)` best: `sum x y / sum x^2`.
pub fn slope_through_origin(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (xy, xx) = points.fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + x * y, xx + x * x));
    xy / xx
}

/// Slope and intercept of the line that fits `(x, y)` best.
pub fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(mx, my), (x, y)| (mx + x / n, my + y / n));
    let slope = slope_through_origin(points.iter().map(|(x, y)| (x - mx, y - my)));
    (slope, my - slope * mx)
}

/// Value at `x` of the piecewise linear curve through `points` (ascending in x), level beyond its ends.
pub fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|p| p.0 <= x);
    match (after.checked_sub(1).and_then(|k| points.get(k)), points.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0),
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_recovered() {
        let points: Vec<(f64, f64)> = [-1.0, 0.0, 2.5].map(|x| (x, 3.0 * x - 2.0)).to_vec();
        let (slope, intercept) = line(&points);
        assert!((slope - 3.0).abs() < 1e-12 && (intercept + 2.0).abs() < 1e-12);
        assert_eq!(slope_through_origin([(1.0, 2.0), (2.0, 4.0)].into_iter()), 2.0);
        assert_eq!(sd(&[1.0, 3.0]), 1.0);
    }

    #[test]
    fn curves_are_level_beyond_their_ends() {
        let points = [(0.0, 1.0), (2.0, 5.0)];
        assert_eq!([-1.0, 0.0, 1.0, 2.0, 9.0].map(|x| interpolate(&points, x)), [1.0, 1.0, 3.0, 5.0, 5.0]);
        assert!(interpolate(&[], 0.0).is_nan());
    }
}
