//! `bss2 deploy export`: everything that puts a network on a real chip, as files that need no program of ours.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bss2_emu::codes::{COLUMNS, NEURONS, ROWS};
use deploy::Origin;
use deploy::synapses::Image;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use serde_json::json;
use ttfs::samples::Channel;

use super::super::set_threads;
use super::check::{self, images};
use super::fitted;
use super::job::{Fitted, Job};
use crate::cli::DeployExportArgs;
use crate::console::Console;
use crate::files::calix_targets::{CalixTargets, FORMAT, UNITS};
use crate::files::{nir_network, write};

const README: &str = include_str!("export_readme.md");
const SCRIPT: &str = include_str!("run_on_hardware.py");

/// Writes the folder.
///
/// # Errors
/// If the network cannot be put on a chip, or the folder is in use or cannot be written.
pub fn export(args: &DeployExportArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let out = &args.out;
    if out.is_file() || std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{}: the folder is not empty; choose another --out", out.display());
    }
    let job = Job::new(&args.network, console)?;
    let fitted = fitted(&job, &args.network.scale, console)?;
    let checked = check::say(&job, &fitted, console);
    // Written beside its place and moved there whole.
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let folder = tempfile::Builder::new()
        .prefix(".export-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write in {}", parent.display()))?;
    let files = write_all(folder.path(), &job, &fitted, &checked)?;
    if out.is_dir() {
        std::fs::remove_dir(out).with_context(|| format!("cannot replace {}", out.display()))?;
    }
    std::fs::rename(folder.keep(), out).with_context(|| format!("cannot write {}", out.display()))?;
    readable(out)?;
    console.say(format_args!("written to {}: {}", out.display(), files.join(", ")));
    console.result(&json!({ "folder": out, "files": files, "check": checked }))?;
    Ok(ExitCode::SUCCESS)
}

/// Temporary folders are private; results are not.
#[cfg(unix)]
fn readable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot open {} for others", path.display()))
}

#[cfg(not(unix))]
fn readable(_path: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn write_all(folder: &Path, job: &Job, fitted: &Fitted, checked: &serde_json::Value) -> anyhow::Result<Vec<String>> {
    let images = images(job, fitted)?;
    let mut files: Vec<String> = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| -> anyhow::Result<()> {
        write(&folder.join(name), bytes)?;
        files.push(name.to_owned());
        Ok(())
    };
    put("README.md", README.as_bytes())?;
    put("run_on_hardware.py", SCRIPT.as_bytes())?;
    put("deployment.json", &deployment(job, fitted, checked)?)?;
    put("mapping.toml", toml::to_string(&fitted.mapping)?.as_bytes())?;
    put("inputs.csv", inputs(job, fitted).as_bytes())?;
    put("neurons.csv", neurons(fitted, &images).as_bytes())?;
    put("weights.npz", &weights(job, fitted)?)?;
    put("synapses.csv", synapses(&images).as_bytes())?;
    for (number, image) in images.iter().enumerate() {
        put(&format!("chip-{}.npz", number + 1), &chip(image)?)?;
    }
    nir_network::save(&job.network, &folder.join("network.nir"))?;
    files.push("network.nir".to_owned());
    let first = images.first().context("a network without a pass")?;
    let targets = targets(job, fitted, first);
    for name in ["targets.json", "targets.csv", "targets.npz"] {
        let script = targets.save(&folder.join(name))?;
        files.push(name.to_owned());
        if name == "targets.npz" {
            files.extend(script.file_name().map(|n| n.to_string_lossy().into_owned()));
        }
    }
    Ok(files)
}

/// The scaling and the shapes.
fn deployment(job: &Job, fitted: &Fitted, checked: &serde_json::Value) -> anyhow::Result<Vec<u8>> {
    let trained = job.trained();
    let nominal = fitted.site.scaling(fitted.mapping.nominal(trained.tau_mem, 1.0)?);
    let value = json!({
        "format": 1,
        "generator": concat!("bss2 ", env!("CARGO_PKG_VERSION")),
        "network": job.name(),
        "task": job.network.architecture.task,
        "encoding": job.network.architecture.encoding,
        "trained_sizes": job.network.architecture.sizes,
        "inputs": fitted.expansion.n_inputs(),
        "layers": fitted.expansion.sizes(),
        "passes": fitted.site.n_passes(),
        "circuits_per_neuron": fitted.site.circuits_per_neuron(),
        "mapping": fitted.mapping,
        "scaling": {
            "us_per_time": fitted.mapping.us_per_time,
            "slot_us": fitted.mapping.slot_us(),
            "trained_threshold": trained.threshold,
            "codes_per_threshold": nominal.threshold,
            "codes_per_trained_weight": nominal.threshold / trained.threshold,
            "tau_mem": trained.tau_mem,
        },
        "weights": checked["weights"],
    });
    let mut text = serde_json::to_vec_pretty(&value)?;
    text.push(b'\n');
    Ok(text)
}

/// What each input channel carries, and where it enters.
fn inputs(job: &Job, fitted: &Fitted) -> String {
    let encoding = &job.network.architecture.encoding;
    let inputs = job.network.architecture.sizes[0];
    let block = inputs / encoding.copies.max(1);
    let mut text = "channel,kind,input,time_tau,time_us\n".to_owned();
    for (number, channel) in fitted.expansion.channels().iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match channel {
            Channel::At(time) => writeln!(text, "{number},fixed,,{time},{}", time * fitted.mapping.us_per_time),
            Channel::Input(input) => match encoding.bias.filter(|_| input % block == block - 1) {
                Some(time) => writeln!(text, "{number},bias,{input},{time},{}", time * fitted.mapping.us_per_time),
                None => writeln!(text, "{number},feature,{input},,"),
            },
        };
    }
    text
}

/// What each neuron is, and its circuits in each pass.
fn neurons(fitted: &Fitted, images: &[Image]) -> String {
    let mut text = "layer,index,kind,trained_index,twin,twins,pass,circuits\n".to_owned();
    for (layer, origins) in fitted.expansion.layers().iter().enumerate() {
        for (index, origin) in origins.iter().enumerate() {
            let (kind, trained, twin, twins) = match *origin {
                Origin::Neuron { index, twin, of } => ("neuron", index.to_string(), twin, of),
                Origin::Bias => ("bias", String::new(), 0, 1),
            };
            for (pass, image) in images.iter().enumerate() {
                let own = |n: &usize| image.layer[*n] == layer as i16 + 1 && image.index[*n] == index as i16;
                let circuits: Vec<String> = (0..NEURONS).filter(own).map(|n| n.to_string()).collect();
                if !circuits.is_empty() {
                    let circuits = circuits.join(" ");
                    let _ =
                        writeln!(text, "{},{index},{kind},{trained},{twin},{twins},{},{circuits}", layer + 1, pass + 1);
                }
            }
        }
    }
    text
}

/// Signed weight codes of each layer, `(n_sources, n_neurons)`.
fn weights(job: &Job, fitted: &Fitted) -> anyhow::Result<Vec<u8>> {
    let trained = job.trained();
    let nominal = fitted.site.scaling(fitted.mapping.nominal(trained.tau_mem, 30.0)?);
    let network = fitted.expansion.network(&trained, &nominal);
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    for (layer, weights) in network.weights.iter().enumerate() {
        let codes: Array2<i8> = weights.mapv(|weight| nominal.signed_code(weight));
        npz.add_array(format!("codes_{layer}"), &codes)?;
    }
    Ok(npz.finish()?.into_inner())
}

/// Every synapse that has a weight.
fn synapses(images: &[Image]) -> String {
    let mut text = "pass,hemisphere,row,column,sign,label,weight,layer,index\n".to_owned();
    for (pass, image) in images.iter().enumerate() {
        for h in 0..2 {
            for row in 0..ROWS {
                for column in 0..COLUMNS {
                    let weight = image.weights[[h, row, column]];
                    if weight == 0 {
                        continue;
                    }
                    let circuit = h * COLUMNS + column;
                    let _ = writeln!(
                        text,
                        "{},{h},{row},{column},{},{},{weight},{},{}",
                        pass + 1,
                        image.signs[[h, row]],
                        image.labels[[h, row, column]],
                        image.layer[circuit],
                        image.index[circuit]
                    );
                }
            }
        }
    }
    text
}

/// One configuration of the chip as arrays.
fn chip(image: &Image) -> anyhow::Result<Vec<u8>> {
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    npz.add_array("weights", &image.weights)?;
    npz.add_array("labels", &image.labels)?;
    npz.add_array("signs", &image.signs)?;
    npz.add_array("layer", &image.layer)?;
    npz.add_array("index", &image.index)?;
    Ok(npz.finish()?.into_inner())
}

/// What all neuron circuits are calibrated to.
fn targets(job: &Job, fitted: &Fitted, image: &Image) -> CalixTargets {
    let targets = fitted.mapping.targets(job.trained().tau_mem);
    let potential = |lsb: f64| vec![lsb.round() as i16; NEURONS];
    let seconds = |us: f64| us * 1e-6;
    CalixTargets {
        format: FORMAT,
        network: job.name(),
        units: UNITS,
        layer: image.layer.to_vec(),
        index: image.index.to_vec(),
        leak: potential(targets.leak_lsb),
        reset: potential(targets.reset_lsb),
        threshold: potential(targets.threshold_lsb),
        tau_mem: vec![seconds(targets.tau_mem_us); NEURONS],
        tau_syn: vec![[seconds(targets.tau_syn_exc_us), seconds(targets.tau_syn_inh_us)]; NEURONS],
        refractory_time: vec![seconds(targets.refractory_time_us); NEURONS],
        membrane_capacitance: vec![i16::from(targets.membrane_capacitance); NEURONS],
        i_synin_gm: targets.i_synin_gm as i16,
        synapse_dac_bias: targets.synapse_dac_bias as i16,
    }
}
