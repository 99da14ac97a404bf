//! `bss2 twin record`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bss2_emu::{Device as _, RunId};
use ndarray::{Array1, Array2, s};
use ttfs::network::{Delays, Network};
use ttfs::samples::Samples;
use ttfs::substrate::Substrate as _;
use twin::Recording;
use twin::recording::{Hidden, Part, Units};

use crate::cli::TwinRecordArgs;
use crate::commands::calib::check_place;
use crate::commands::{configure, flag, set_threads};
use crate::console::Console;
use crate::data_sets::{Split, samples};
use crate::files::write;
use crate::laboratory::{Laboratory, draw};
use crate::networks::{Found, open};
use crate::site::{OnChip, Site};

/// Samples of a hardware run, as in the recordings of silicon.
const ROWS_PER_RUN: [usize; 2] = [40, 200];
/// Grid of the time stamps in us.
const TICK_US: f64 = 0.008;
/// Sessions of the runs of training and test samples.
const SESSIONS: [u32; 2] = [21, 22];

/// Records a network on an emulated chip.
///
/// # Errors
/// If the network or the chip cannot be used, or the recording not be written.
pub fn run(args: &TwinRecordArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    check_place(&args.out)?;
    let Found { saved: network, base, .. } = open(&args.network, &args.nir, console)?;
    let task = || flag(&args.network.display().to_string(), "data.kind", network.architecture.task.name());
    let (mut config, given) = configure([base.unwrap_or_else(task)], &args.config, &args.chip, Vec::new())?;
    let of_network = &network.architecture.scaling;
    config.encoding = network.architecture.encoding.clone();
    config.scaling.lsb_per_weight = of_network.lsb_per_weight;
    config.scaling.us_per_time = of_network.us_per_time;
    let sizes = network.layers();
    let n_inputs = network.architecture.sizes.first().copied().unwrap_or(0);
    if sizes.len() != 2 || network.architecture.biases.iter().any(Option::is_some) {
        bail!(
            "{}: a recording is of one hidden layer without a bias; this network has layers of {sizes:?}",
            args.network.display()
        );
    }
    let site = Site::of(n_inputs, &sizes, network.delay_kind())?;
    if site.n_passes() != 1 || site.circuits_per_neuron() != 1 {
        bail!("{}: a recording is of a network of one circuit per neuron; here: {site}", args.network.display());
    }
    let chip = draw(&config.chip, &config.residual_table)?;
    let identity = chip.identity().to_string();
    let laboratory = Laboratory::set_up(chip, &config.calibration, &config.scaling, given, &mut |_| ())?;
    let scaling = laboratory.scaling;
    let units = Units {
        us_per_time: scaling.us_per_time,
        lsb_per_weight: scaling.lsb_per_weight,
        threshold: scaling.threshold,
        tick_us: if config.chip.events.time_grid { TICK_US } else { 0.0 },
        slot_us: config.scaling.slot_us,
    };
    let weights = &network.network.weights;
    let codes = [0, 1].map(|layer| weights[layer].mapv(|w| scaling.signed_code(w)));
    let delays = delays(&network.network.rounded_delays(Some(&scaling)), n_inputs, sizes[0])?;
    let mut on_chip = laboratory.place(site, scaling, config.scaling.slot_us, config.engine)?;
    let mut part = |split: Split, which: usize| -> anyhow::Result<Part> {
        let samples = samples(&config, split)?;
        measured(&mut on_chip, &network.network, &samples, ROWS_PER_RUN[which], SESSIONS[which])
    };
    let mut train = part(Split::Train, 0)?;
    // As on silicon: hidden spikes are looked at for the test samples alone.
    train.hidden = None;
    let test = part(Split::Test, 1)?;
    let meta = serde_json::json!({
        "source": format!("bss2 {}", env!("CARGO_PKG_VERSION")),
        "chip": identity,
        "network": args.network.file_name().map(|name| name.to_string_lossy().into_owned()),
        "units": units,
        "rows_per_run": ROWS_PER_RUN[0],
    });
    let recording = Recording {
        units,
        codes,
        delays,
        train,
        test,
        trajectory: None,
        rows_per_run: Some(ROWS_PER_RUN[0]),
        meta: meta.to_string(),
    };
    write(&args.out, &recording.to_bytes()?)?;
    console.say(format_args!(
        "{} training and {} test samples on chip {identity} recorded to {}",
        recording.train.n_samples(),
        recording.test.n_samples(),
        args.out.display()
    ));
    console.result(&serde_json::json!({ "recording": args.out.display().to_string(), "description": meta }))?;
    Ok(ExitCode::SUCCESS)
}

/// The delays as a recording has them.
fn delays(layers: &[Delays], n_inputs: usize, n_hidden: usize) -> anyhow::Result<Option<[Array1<f64>; 2]>> {
    let of = |layer: usize, n: usize| match layers.get(layer) {
        Some(Delays::Axonal(delays)) if delays.len() == n => Ok(Some(delays.clone())),
        Some(Delays::None) | None => Ok(None),
        Some(_) => bail!("a recording has axonal delays alone"),
    };
    match (of(0, n_inputs)?, of(1, n_hidden)?) {
        (Some(inputs), Some(hidden)) => Ok(Some([inputs, hidden])),
        (None, None) => Ok(None),
        _ => bail!("a recording has delays of inputs and hidden neurons, or none"),
    }
}

fn measured(
    chip: &mut OnChip,
    network: &Network,
    samples: &Samples,
    rows_per_run: usize,
    session: u32,
) -> anyhow::Result<Part> {
    let n = samples.labels.len();
    let inputs = samples.times(0..n);
    let mut layers: Vec<Array2<f64>> = network.sizes().iter().map(|width| Array2::zeros((n, *width))).collect();
    for (run, first) in (0..n).step_by(rows_per_run).enumerate() {
        let rows = first..(first + rows_per_run).min(n);
        let run = RunId { session, index: run as u32 };
        let spikes = chip.forward(network, inputs.slice(s![rows.clone(), ..]), run)?;
        for (to, times) in layers.iter_mut().zip(&spikes.layers) {
            to.slice_mut(s![rows.clone(), ..]).assign(times);
        }
    }
    let outputs = layers.pop().context("the network has no outputs")?;
    let hidden = layers.pop().context("the network has no hidden layer")?;
    Ok(Part { inputs, outputs, labels: Some(samples.labels.clone()), hidden: Some(Hidden { times: hidden }) })
}
