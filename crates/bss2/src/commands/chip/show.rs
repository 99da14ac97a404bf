//! `bss2 chip show`: the true parameters of a chip.

use std::fmt::Write as _;
use std::process::ExitCode;

use bss2_emu::codes::{NEURONS, QUADRANTS};
use bss2_emu::spec::ParameterSource;
use bss2_emu::{Device as _, NeuronId, NeuronParameters, NeuronSetting};
use probes::statistics;
use serde::Serialize;

use crate::cli::{ChipArgs, ConfigArgs, ShowArgs};
use crate::commands::configure;
use crate::console::Console;
use crate::figures::{ChartPanel, Series, chart, check_name};
use crate::files::write;
use crate::laboratory::draw;

/// A parameter: key, what it is, unit, value of a neuron.
type Field = (&'static str, &'static str, &'static str, fn(&NeuronParameters) -> f64);

const FIELDS: [Field; 8] = [
    ("v_leak_lsb", "resting potential", "CADC LSB", |p| p.v_leak_lsb),
    ("v_reset_lsb", "reset potential", "CADC LSB", |p| p.v_reset_lsb),
    ("v_threshold_lsb", "firing threshold", "CADC LSB", |p| p.v_threshold_lsb),
    ("tau_mem_us", "membrane time constant", "µs", |p| p.tau_mem_us),
    ("tau_syn_exc_us", "excitatory time constant", "µs", |p| p.tau_syn_exc_us),
    ("tau_syn_inh_us", "inhibitory time constant", "µs", |p| p.tau_syn_inh_us),
    ("gain_exc", "excitatory gain", "LSB/µs", |p| p.gain_exc),
    ("gain_inh", "inhibitory gain", "LSB/µs", |p| p.gain_inh),
];
/// Bins of a histogram.
const BINS: usize = 30;

/// Distribution of a parameter over a chip.
#[derive(Debug, Clone, Serialize)]
struct Distribution {
    parameter: &'static str,
    mean: f64,
    sd: f64,
    cv: f64,
    min: f64,
    max: f64,
    quadrant_means: [f64; QUADRANTS],
}

/// Prints the distributions of the true parameters, and writes figure and table.
///
/// # Errors
/// If the description is wrong or a file cannot be written.
pub fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    if let Some(path) = &args.out {
        check_name(path)?;
    }
    let named = ChipArgs { chip: Some(args.chip.clone()), ..ChipArgs::default() };
    let (config, _) =
        configure(None, &ConfigArgs { set: args.set.clone(), ..ConfigArgs::default() }, &named, Vec::new())?;
    let mut chip = draw(&config.chip, &config.residual_table)?;
    let setting = match config.chip.parameters {
        ParameterSource::Codes => "default codes",
        ParameterSource::Direct => {
            chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); NEURONS]))?;
            "default parameters"
        }
    };
    let neurons = chip.reveal().neurons;
    let distributions = FIELDS.map(|field| distribution(&neurons, field));

    if let Some(path) = &args.csv {
        write(path, csv(&neurons).as_bytes())?;
    }
    if let Some(path) = &args.out {
        let title = format!("Chip {}: true parameters at its {setting}, {NEURONS} neurons", chip.identity());
        chart(&title, &FIELDS.map(|field| panel(&neurons, field))).save_as(path)?;
    }
    console.say(format_args!(
        "chip {}, at its {setting}; true values, unknown to calibration and training",
        chip.identity()
    ));
    console.say(format_args!(
        "{:<16} {:>9} {:>8} {:>7} {:>9} {:>9}   mean of quadrant 0, 1, 2, 3",
        "", "mean", "sd", "sd/mean", "min", "max"
    ));
    for d in &distributions {
        let quadrants = d.quadrant_means.map(|m| format!("{m:>9.3}")).concat();
        console.say(format_args!(
            "{:<16} {:>9.3} {:>8.3} {:>6.2}% {:>9.3} {:>9.3}  {quadrants}",
            d.parameter,
            d.mean,
            d.sd,
            100.0 * d.cv,
            d.min,
            d.max
        ));
    }
    for path in args.out.iter().chain(&args.csv) {
        console.say(format_args!("written to {}", path.display()));
    }
    console.result(&serde_json::json!({
        "chip": chip.identity(),
        "preset": config.chip.preset,
        "setting": setting,
        "parameters": distributions,
    }))?;
    Ok(ExitCode::SUCCESS)
}

fn distribution(neurons: &[NeuronParameters], (parameter, _, _, value): Field) -> Distribution {
    let values: Vec<f64> = neurons.iter().map(value).collect();
    let mean = statistics::mean(&values);
    let sd = statistics::sd(&values);
    let of_quadrant = |q: usize| statistics::mean(&of_quadrant(&values, q));
    Distribution {
        parameter,
        mean,
        sd,
        cv: sd / mean,
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        quadrant_means: std::array::from_fn(of_quadrant),
    }
}

fn of_quadrant(values: &[f64], quadrant: usize) -> Vec<f64> {
    NeuronId::all().zip(values).filter(|(n, _)| n.quadrant() == quadrant).map(|(_, v)| *v).collect()
}

fn panel(neurons: &[NeuronParameters], (parameter, meaning, unit, value): Field) -> ChartPanel {
    let values: Vec<f64> = neurons.iter().map(value).collect();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    // A chip without deviations has one bin of some width.
    let margin = (0.02 * (high - low)).max(0.01 * high.abs());
    let range = (low - margin, high + margin);
    // Outlines: bars of four quadrants would hide each other.
    let series = (0..QUADRANTS).map(|q| {
        let bars = Series::histogram(format!("quadrant {q}"), q, &of_quadrant(&values, q), range, BINS);
        outline(bars, (range.1 - range.0) / BINS as f64)
    });
    ChartPanel {
        caption: meaning.to_owned(),
        x_label: format!("{parameter} ({unit})"),
        y_label: "neurons".to_owned(),
        series: series.collect(),
        ..ChartPanel::default()
    }
}

/// The upper edge of a histogram as a line.
fn outline(bars: Series, width: f64) -> Series {
    let mut points = Vec::with_capacity(2 * bars.points.len() + 2);
    for (k, (x, y)) in bars.points.iter().enumerate() {
        if k == 0 {
            points.push((x - 0.5 * width, 0.0));
        }
        points.extend([(x - 0.5 * width, *y), (x + 0.5 * width, *y)]);
        if k + 1 == bars.points.len() {
            points.push((x + 0.5 * width, 0.0));
        }
    }
    Series { points, mark: crate::figures::Mark::Line, ..bars }
}

fn csv(neurons: &[NeuronParameters]) -> String {
    let mut text = String::from("neuron,quadrant");
    for (parameter, ..) in FIELDS {
        text.push(',');
        text.push_str(parameter);
    }
    text.push('\n');
    for (id, neuron) in NeuronId::all().zip(neurons) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{},{}", id.get(), id.quadrant());
        for (_, _, _, value) in FIELDS {
            let _ = write!(text, ",{}", value(neuron));
        }
        text.push('\n');
    }
    text
}
