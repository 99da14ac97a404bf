//! `bss2 deploy check` and `bss2 deploy scale`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bss2_emu::Hemisphere;
use bss2_emu::codes::{COLUMNS, ROWS};
use deploy::loss::{WeightLoss, of_weights};
use deploy::resources::{Resource, of_placements, of_targets};
use deploy::synapses::Image;

use super::super::calib::check_place;
use super::super::{TEST_PART, chip_layer, set_threads};
use super::job::{Fitted, Job};
use super::{described, fitted};
use crate::cli::{ChipArgs, DeployCheckArgs, DeployScaleArgs};
use crate::config::resolve;
use crate::console::Console;
use crate::data_sets::Split;
use crate::figures::{SynapseArray, placement};
use crate::files::write;

/// Says what of a chip a network takes, and what its weights lose.
///
/// # Errors
/// If it cannot run on a chip: with the reason.
pub fn check(args: &DeployCheckArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let job = Job::new(&args.network, console)?;
    let fitted = fitted(&job, &args.network.scale, console)?;
    let mut json = say(&job, &fitted, console);
    if let Some(chip) = &args.chip {
        let given = ChipArgs { chip: Some(chip.clone()), ..ChipArgs::default() };
        let layers: Vec<_> = chip_layer(&given)?.into_iter().collect();
        let mut config = job.config(&fitted)?;
        let of_chip = resolve(&layers)?;
        if !of_chip.residual_table.is_empty() {
            bail!(
                "--chip {chip}: a twin has its own settings, which a mapping would replace; give a seed or a chip.toml"
            );
        }
        config.chip = of_chip.chip;
        let placed = job.on_chip(&config, &fitted, None)?;
        let codes = placed.scaling.threshold * placed.scaling.lsb_per_weight;
        let loss = of_weights(&job.trained(), &fitted.expansion, codes);
        console.say(format_args!(
            "chip {}: a threshold is worth {codes:.1} codes ({:.1} nominally), {} neurons missed their targets",
            config.chip.identity(),
            fitted.codes,
            placed.missed
        ));
        say_loss(&loss, console);
        json["chip"] = serde_json::json!({ "codes_per_threshold": codes, "missed": placed.missed, "weights": loss });
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for (number, image) in images(&job, &fitted)?.iter().enumerate() {
            let stem =
                if fitted.site.n_passes() == 1 { "placement".to_owned() } else { format!("placement-{}", number + 1) };
            let title = format!("{} on the chip{}", job.name(), pass_name(&fitted, number));
            placement(&title, &arrays(image)).save(folder, &stem)?;
        }
        console.say(format_args!("placement drawn in {}", folder.display()));
    }
    console.result(&json)?;
    Ok(ExitCode::SUCCESS)
}

fn pass_name(fitted: &Fitted, number: usize) -> String {
    match fitted.site.n_passes() {
        1 => String::new(),
        n => format!(", pass {} of {n}", number + 1),
    }
}

/// Writes the best mapping.
///
/// # Errors
/// If no mapping works or the file cannot be written.
pub fn scale(args: &DeployScaleArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    check_place(&args.out)?;
    let job = Job::new(&args.network, console)?;
    let mut texts = args.network.scale.clone();
    if texts.is_empty() {
        texts.push("auto".to_owned());
    }
    let fitted = fitted(&job, &texts, console)?;
    let mut json = say(&job, &fitted, console);
    let config = job.config(&fitted)?;
    let validation = job.samples(&config, Split::Validation)?;
    let ideal = job.ideal(&config, &validation)?.score.accuracy;
    let on_chip =
        job.on_ideal_chip(&config, &fitted)?.evaluate(&config, &fitted, &validation, TEST_PART)?.score.accuracy;
    console.say(format_args!(
        "{} validation samples: {:.2} % as trained, {:.2} % as mapped on a chip without deviations and noise",
        validation.n_samples(),
        100.0 * ideal,
        100.0 * on_chip
    ));
    json["validation"] = serde_json::json!({ "as_trained": ideal, "mapped": on_chip });
    write(&args.out, toml::to_string(&fitted.mapping)?.as_bytes())?;
    console.say(format_args!("mapping written to {}", args.out.display()));
    console.result(&json)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what there is to say without a chip.
pub fn say(job: &Job, fitted: &Fitted, console: Console) -> serde_json::Value {
    let trained = job.trained();
    let passes = fitted.site.n_passes();
    let placements: Vec<_> = fitted.placements().into_iter().map(|(p, ..)| p).collect();
    let slot_us = fitted.mapping.slot_us();
    let resources = of_placements(&placements, fitted.fan_in(), slot_us);
    let targets = of_targets(&fitted.mapping.targets(trained.tau_mem));
    let loss = of_weights(&trained, &fitted.expansion, fitted.codes);
    let sizes: Vec<String> =
        std::iter::once(fitted.expansion.n_inputs()).chain(fitted.expansion.sizes()).map(|n| n.to_string()).collect();
    console.say(format_args!(
        "{}: {} becomes {} on the chip, {}",
        job.path.display(),
        job.shape(),
        sizes.join("-"),
        fitted.site
    ));
    console.say(format_args!("  {}", described(fitted)));
    if passes > 1 {
        console.say(format_args!(
            "  {passes} configurations of the chip one after the other: each sample takes {passes} slots, and first spikes alone go on to the next layer"
        ));
    }
    console.say(format_args!(
        "  {:.0} samples a second in slots of {slot_us} us, without the time to configure the chip",
        1e6 / (slot_us * passes as f64)
    ));
    console.say(format_args!("\n{:<34}{:>10}{:>20}", "", "used", "available"));
    for Resource { name, used, available, least, unit } in resources.iter().chain(&targets) {
        let range =
            if *least > 0.0 || !unit.is_empty() { format!("{least}..={available}") } else { available.to_string() };
        let fits = (*least..=*available).contains(used);
        console
            .say(format_args!("{name:<34}{used:>10.4}{range:>20} {unit}{}", if fits { "" } else { "   DOES NOT FIT" }));
    }
    console.say("");
    say_loss(&loss, console);
    serde_json::json!({
        "network": job.path,
        "trained": job.network.architecture.sizes,
        "inputs": fitted.expansion.n_inputs(),
        "layers": fitted.expansion.sizes(),
        "passes": passes,
        "circuits_per_neuron": fitted.site.circuits_per_neuron(),
        "samples_per_s": 1e6 / (slot_us * passes as f64),
        "codes_per_threshold": fitted.codes,
        "mapping": fitted.mapping,
        "resources": resources,
        "targets": targets,
        "weights": loss,
    })
}

fn say_loss(loss: &[WeightLoss], console: Console) {
    for layer in loss {
        console.say(format_args!(
            "weights into layer {}: {:.1} % beyond one synapse, {:.1} % clipped, {:.1} % rounded to zero; changed by {:.1} % (rms); the largest is {:.0} codes",
            layer.layer,
            100.0 * layer.beyond_a_synapse,
            100.0 * layer.clipped,
            100.0 * layer.rounded_to_zero,
            100.0 * layer.relative_rms,
            layer.largest_codes
        ));
    }
}

/// What the synapse arrays of all passes hold, at nominal strength.
pub fn images(job: &Job, fitted: &Fitted) -> anyhow::Result<Vec<Image>> {
    let trained = job.trained();
    let nominal = fitted.site.scaling(fitted.mapping.nominal(trained.tau_mem, 30.0)?);
    let network = fitted.expansion.network(&trained, &nominal);
    Ok(match &fitted.site {
        crate::site::Site::Whole(placement) => vec![Image::new(placement, &network, &nominal, 0, 0)],
        crate::site::Site::Divided(passes) => passes
            .passes()
            .iter()
            .zip(fitted.placements())
            .map(|(pass, (placement, layer, neuron))| {
                Image::new(placement, &pass.network(&network), &nominal, layer, neuron)
            })
            .collect(),
    })
}

fn arrays(image: &Image) -> Vec<SynapseArray> {
    let of = |hemisphere: Hemisphere| {
        let h = hemisphere.index();
        let layers = (0..ROWS).map(|row| (0..COLUMNS).map(|column| image.layer_of(hemisphere, row, column)).collect());
        let codes = (0..ROWS).map(|row| {
            (0..COLUMNS)
                .map(|column| i16::from(image.weights[[h, row, column]]) * i16::from(image.signs[[h, row]]))
                .collect()
        });
        let label = if h == 0 { "top array" } else { "bottom array" };
        SynapseArray { label: label.to_owned(), layers: layers.collect(), codes: codes.collect() }
    };
    Hemisphere::BOTH.map(of).to_vec()
}
