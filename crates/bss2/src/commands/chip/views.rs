//! What an experiment shows: a figure, and the raw data as CSV.

use std::fmt::Write as _;

use probes::code_sweep::{self, Swept};
use probes::{
    OperatingPoint, background, dynamic_range, homeostasis, inter_spike_interval, leak_over_threshold, limits,
    membrane_trace, psp_repeatability, rate_curve, statistics, weight_scale,
};

use crate::figures::{ChartPanel, Mark, Series};

/// Figure and table of an experiment.
pub struct View {
    /// Panels of the figure.
    pub panels: Vec<ChartPanel>,
    /// The raw data.
    pub csv: String,
}

/// A table of numbers; every row has as many as there are columns.
fn csv(columns: &[&str], rows: impl Iterator<Item = Vec<f64>>) -> String {
    let mut text = columns.join(",");
    text.push('\n');
    for row in rows {
        for (k, value) in row.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{value}", if k == 0 { "" } else { "," });
        }
        text.push('\n');
    }
    text
}

fn panel(caption: &str, x_label: &str, y_label: &str, series: Vec<Series>) -> ChartPanel {
    ChartPanel {
        caption: caption.to_owned(),
        x_label: x_label.to_owned(),
        y_label: y_label.to_owned(),
        series,
        ..ChartPanel::default()
    }
}

/// A histogram over the values and the published range.
fn distribution(caption: &str, x_label: &str, values: &[f64], band: Option<(f64, f64)>) -> ChartPanel {
    let ends = values.iter().copied().chain(band.into_iter().flat_map(|(a, b)| [a, b])).filter(|v| v.is_finite());
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let margin = 0.05 * (high - low).max(1e-3);
    let bars = Series::histogram("this chip", 0, values, (low - margin, high + margin), 48);
    ChartPanel { x_band: band, ..panel(caption, x_label, "neurons", vec![bars]) }
}

/// The same for whole numbers up to 63, a bar each.
fn distribution_of_codes(caption: &str, x_label: &str, values: &[f64], band: (f64, f64)) -> ChartPanel {
    let used = Series::histogram("this chip", 0, values, (-0.5, 63.5), 64);
    let points = used.points.iter().copied().filter(|p| p.1 > 0.0).collect();
    ChartPanel { x_band: Some(band), ..panel(caption, x_label, "neurons", vec![Series { points, ..used }]) }
}

/// Median and the range of nine tenths of the neurons over a swept quantity.
fn quantiles(x: &[f64], values: &[Vec<f64>]) -> Vec<Series> {
    let line = |name: &str, mark, colour, share: f64| {
        let at = |row: &Vec<f64>| {
            let mut finite: Vec<f64> = row.iter().copied().filter(|v| v.is_finite()).collect();
            finite.sort_unstable_by(f64::total_cmp);
            let last = finite.len().saturating_sub(1) as f64;
            finite.get((share * last).round() as usize).copied().unwrap_or(f64::NAN)
        };
        Series::new(name, mark, colour, x.iter().copied().zip(values.iter().map(at)).collect())
    };
    vec![
        line("5 and 95 % of the neurons", Mark::Faint, 0, 0.05),
        line("5 and 95 % of the neurons", Mark::Faint, 0, 0.95),
        line("median neuron", Mark::Line, 0, 0.5),
    ]
}

pub fn limits(outcome: &limits::Outcome) -> View {
    let less = |reads: &[f64]| reads.iter().map(|r| r - 128.0).collect::<Vec<f64>>();
    let (rest, upper, lower) = (less(&outcome.rest_lsb), less(&outcome.upper_lsb), less(&outcome.lower_lsb));
    let label = "mean CADC read − 128 (LSB)";
    let panels = vec![
        distribution("at rest, leak 80", label, &rest, Some(limits::REST.range())),
        distribution("upper limit, current code 1000 fed", label, &upper, Some(limits::UPPER.range())),
        distribution("lower limit, current code 1000 drawn", label, &lower, Some(limits::LOWER.range())),
    ];
    let rows = (0..rest.len()).map(|n| vec![n as f64, rest[n], upper[n], lower[n]]);
    View { panels, csv: csv(&["neuron", "rest_lsb", "upper_lsb", "lower_lsb"], rows) }
}

pub fn weight_scale(outcome: &weight_scale::Outcome) -> View {
    let weights: Vec<f64> = outcome.weights.iter().map(|w| f64::from(*w)).collect();
    let scales = outcome.weight_scales();
    let mut amplitudes = panel(
        "largest sample of one PSP, mean over trials",
        "weight (LSB)",
        "CADC LSB",
        quantiles(&weights, &outcome.amplitudes_lsb),
    );
    let means = weights.iter().copied().zip(outcome.amplitudes_lsb.iter().map(|a| statistics::mean(a)));
    amplitudes.series.push(Series::new("mean neuron", Mark::Points, 1, means.collect()));
    let panels = vec![
        amplitudes,
        distribution("weight of software weight 1", "weight (LSB)", &scales, Some(weight_scale::WEIGHT_SCALE.range())),
    ];
    let rows = scales
        .iter()
        .enumerate()
        .map(|(n, scale)| vec![n as f64, *scale, outcome.psp_per_weight_lsb[n], outcome.swing_lsb[n]]);
    View { panels, csv: csv(&["neuron", "weight_scale", "psp_per_weight_lsb", "threshold_minus_leak_lsb"], rows) }
}

pub fn homeostasis(outcome: &homeostasis::Outcome, period_us: f64) -> View {
    let time_ms: Vec<f64> = (0..outcome.weights.len()).map(|k| k as f64 * period_us * 1e-3).collect();
    let weights: Vec<Vec<f64>> =
        outcome.weights.iter().map(|row| row.iter().map(|w| f64::from(*w)).collect()).collect();
    let usual = (f64::from(*homeostasis::USUAL.start()), f64::from(*homeostasis::USUAL.end()));
    let settled = outcome.settled();
    let panels = vec![
        ChartPanel {
            y_band: Some(usual),
            ..panel("weights under regulation", "time (ms)", "weight (LSB)", quantiles(&time_ms, &weights))
        },
        panel("rates under regulation", "time (ms)", "kHz", quantiles(&time_ms, &outcome.rates_khz)),
        distribution_of_codes("weights in the end", "weight (LSB)", &settled, usual),
        distribution("mean weights of the second half", "weight (LSB)", &outcome.mean_weights(), Some(usual)),
    ];
    let means = outcome.mean_weights();
    let last = weights.last().cloned().unwrap_or_default();
    let rows = means.iter().zip(&last).enumerate().map(|(n, (mean, last))| vec![n as f64, *last, *mean]);
    View { panels, csv: csv(&["neuron", "last_weight", "mean_weight"], rows) }
}

pub fn dynamic_range(outcome: &dynamic_range::Outcome) -> View {
    let scaled = outcome.on_published_scale();
    let published = [&dynamic_range::PUBLISHED_EXCITATION[..], &dynamic_range::PUBLISHED_INHIBITION[..]].concat();
    let series = vec![
        Series::new("published", Mark::Points, 2, published),
        Series::new("excitation, largest sample", Mark::Line, 1, scaled.iter().map(|p| (p.0, p.1)).collect()),
        Series::new("inhibition, smallest sample", Mark::Line, 0, scaled.iter().map(|p| (p.0, p.2)).collect()),
    ];
    let panels = vec![panel("", "total weight (LSB)", "MADC LSB of the published figure", series)];
    let rows = scaled.iter().enumerate().map(|(k, (weight, exc, inh))| {
        let (own_exc, own_inh) = (statistics::mean(&outcome.excitation[k]), statistics::mean(&outcome.inhibition[k]));
        vec![*weight, own_exc, own_inh, *exc, *inh]
    });
    let columns = [
        "total_weight",
        "excitation_madc",
        "inhibition_madc",
        "excitation_published_scale",
        "inhibition_published_scale",
    ];
    View { panels, csv: csv(&columns, rows) }
}

pub fn leak_over_threshold(outcome: &leak_over_threshold::Outcome) -> View {
    let band = Some((0.9 * outcome.target_khz, 1.15 * outcome.target_khz));
    let panels = vec![distribution("", "rate (kHz)", &outcome.rates_khz, band)];
    let rows = outcome.rates_khz.iter().enumerate().map(|(n, rate)| vec![n as f64, *rate]);
    View { panels, csv: csv(&["neuron", "rate_khz"], rows) }
}

pub fn psp_repeatability(outcome: &psp_repeatability::Outcome) -> View {
    let mean = outcome.mean_trace_lsb();
    let at = |values: &[f64]| outcome.times_us.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>();
    let curve = |values: &[f64]| Series::new("single runs", Mark::Faint, 0, at(values));
    let mut traces: Vec<Series> = outcome.traces_lsb.iter().map(|t| curve(t)).collect();
    traces.push(Series::new("mean", Mark::Line, 0, at(&mean)));
    let relative =
        |trace: &Vec<f64>| -> Vec<f64> { trace.iter().zip(&mean).map(|(v, m)| (v - m) / outcome.swing_lsb).collect() };
    let deviations = outcome.traces_lsb.iter().map(|t| curve(&relative(t))).collect();
    let panels = vec![
        panel("one PSP, again and again", "time (µs)", "CADC LSB", traces),
        ChartPanel {
            y_band: Some((-psp_repeatability::BUNDLE.high, psp_repeatability::BUNDLE.high)),
            ..panel("less the mean", "time (µs)", "of threshold − leak", deviations)
        },
    ];
    let rows = outcome.traces_lsb.iter().enumerate().flat_map(|(run, trace)| {
        outcome.times_us.iter().zip(trace).map(move |(time, value)| vec![run as f64, *time, *value])
    });
    View { panels, csv: csv(&["run", "time_us", "cadc_lsb"], rows) }
}

pub fn inter_spike_interval(outcome: &inter_spike_interval::Outcome) -> View {
    let points = outcome.intervals.iter().map(|i| (f64::from(i.counter), i.mean_us)).collect();
    let series = vec![Series::new("mean of five runs", Mark::Points, 0, points)];
    let panels = vec![ChartPanel {
        y_band: Some(inter_spike_interval::BEST_INTERVAL.range()),
        ..panel("", "refractory counter (64 ns each)", "interval between spikes (µs)", series)
    }];
    let rows = outcome.intervals.iter().map(|i| vec![f64::from(i.counter), i.mean_us, i.sd_us]);
    View { panels, csv: csv(&["counter", "mean_us", "sd_us"], rows) }
}

pub fn background(outcome: &background::Outcome) -> View {
    let [first, _] = &outcome.times_us;
    let intervals: Vec<f64> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = statistics::mean(&intervals);
    // Whole microseconds, since that is what the generator counts in; the rare longer intervals are left out.
    let (width, longest) = (10.0, 500.0);
    let shown: Vec<f64> = intervals.iter().copied().filter(|t| *t < longest).collect();
    let bars = Series::histogram("this chip", 0, &shown, (0.5, longest + 0.5), 50);
    // Expected numbers of a Poisson process, at the middle of each bin.
    let expected = bars.points.iter().map(|(t, _)| (*t, intervals.len() as f64 * width / mean * (-t / mean).exp()));
    let expected = Series::new("Poisson process of this rate", Mark::Line, 1, expected.collect());
    let panels = vec![panel("", "interval between events (µs)", "intervals", vec![bars, expected])];
    let rows = outcome.times_us.iter().enumerate().flat_map(|(n, t)| t.iter().map(move |t| vec![n as f64, *t]));
    View { panels, csv: csv(&["target", "time_us"], rows) }
}

pub fn rate_curve(outcome: &rate_curve::Outcome) -> View {
    let codes: Vec<f64> = outcome.current_codes.iter().map(|c| f64::from(*c)).collect();
    let nominal = OperatingPoint::NIGHTLY.parameters();
    let ideal = outcome.current_codes.iter().map(|c| (f64::from(*c), rate_curve::ideal_rate_khz(&nominal, *c)));
    let mut series = quantiles(&codes, &outcome.rates_khz);
    series.push(Series::new("ideal neuron", Mark::Points, 1, ideal.collect()));
    let panels = vec![panel("", "constant current (code of i_mem_offset)", "rate (kHz)", series)];
    View { panels, csv: by_neuron("current_code", "rate_khz", &codes, &outcome.rates_khz) }
}

pub fn membrane_trace(outcome: &membrane_trace::Outcome) -> View {
    let trace = outcome.times_us.iter().copied().zip(outcome.samples.iter().map(|v| f64::from(*v)));
    let lowest = outcome.samples.iter().min().map_or(0.0, |v| f64::from(*v));
    let received = outcome.received_us.iter().map(|t| (*t, lowest - 15.0)).collect();
    let fired = outcome.fired_us.iter().map(|t| (*t, lowest - 30.0)).collect();
    let series = vec![
        Series::new("membrane", Mark::Line, 0, trace.clone().collect()),
        Series::new("excitatory events", Mark::Points, 1, received),
        Series::new("spikes of the neuron", Mark::Points, 2, fired),
    ];
    let panels = vec![panel("", "time (µs)", "MADC LSB", series)];
    View { panels, csv: csv(&["time_us", "madc_lsb"], trace.map(|(time, value)| vec![time, value])) }
}

pub fn code_sweeps(sweeps: &[code_sweep::Outcome]) -> View {
    let mut panels = Vec::new();
    let mut text = String::new();
    for sweep in sweeps {
        let codes: Vec<f64> = sweep.codes.iter().map(|c| f64::from(*c)).collect();
        let (caption, code, y_label) = match sweep.swept {
            Swept::Leak => ("resting potential", "v_leak", "CADC LSB"),
            Swept::LeakBias => ("rate of the return to rest, 1/tau_mem", "i_bias_leak", "1/µs"),
            Swept::Strength => ("height of a PSP, weight 40", "i_bias_synin_exc_gm", "CADC LSB"),
            Swept::SynapticTau => ("height of a PSP, weight 40", "i_bias_synin_exc_tau", "CADC LSB"),
        };
        panels.push(panel(caption, &format!("{code} (code)"), y_label, quantiles(&codes, &sweep.values)));
        let table = by_neuron(code, "value", &codes, &sweep.values);
        let header = if text.is_empty() { "swept,code,neuron,value\n" } else { "" };
        text.push_str(header);
        for line in table.lines().skip(1) {
            let _ = writeln!(text, "{code},{line}");
        }
    }
    View { panels, csv: text }
}

/// One row per swept value and neuron.
fn by_neuron(swept: &str, observed: &str, x: &[f64], values: &[Vec<f64>]) -> String {
    let rows = x
        .iter()
        .zip(values)
        .flat_map(|(x, row)| row.iter().enumerate().map(move |(n, value)| vec![*x, n as f64, *value]));
    csv(&[swept, "neuron", observed], rows)
}
