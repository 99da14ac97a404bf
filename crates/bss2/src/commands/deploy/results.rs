//! What a rehearsal amounts to: `summary.json`, figures, and a report that needs no other file.

use std::fmt::Write as _;
use std::path::Path;

use ::study::statistics::{mean, quantile, sd};
use ::study::{Cell, Outcome, Protocol};
use anyhow::Context as _;
use deploy::effects::EFFECTS;
use ndarray::Array2;
use serde_json::{Value, json};

use super::described;
use super::job::{Fitted, Job};
use super::rehearsal::rates;
use super::run::{NOTHING, Part};
use crate::commands::page::{begin, embedded, escaped};
use crate::console::Console;
use crate::figures::{ChartPanel, Curve, Figure, Mark, Series, Spread, Violin, chart, quartile_curves, violins};
use crate::files::write;

/// Accuracy of the ideal model, and its spikes.
type IdealResult = (f64, Vec<Array2<f64>>);

/// Writes them all and returns the summary.
///
/// # Errors
/// If a file cannot be written.
pub fn write_all(
    out: &Path,
    job: &Job,
    fitted: &Fitted,
    parts: &[Part],
    ideal: &IdealResult,
    checked: &Value,
) -> anyhow::Result<Value> {
    let summary = summary(job, parts, ideal.0, checked);
    let mut text = serde_json::to_vec_pretty(&summary)?;
    text.push(b'\n');
    let figures = out.join("figures");
    std::fs::create_dir_all(&figures).with_context(|| format!("cannot create {}", figures.display()))?;
    let drawn = sketches(job, parts, ideal);
    for (stem, figure) in &drawn {
        figure.save(&figures, stem)?;
    }
    write(&out.join("report.html"), report(job, fitted, parts, ideal.0, checked, &drawn).as_bytes())?;
    write(&out.join("summary.json"), &text)?;
    Ok(summary)
}

/// The result in a few lines.
pub fn say(parts: &[Part], ideal: f64, console: Console) {
    console.say(format_args!("ideal model            {:6.2} %", 100.0 * ideal));
    for (part, cell) in cells(parts).filter(|(part, _)| part.name != "sensitivity") {
        let what = name(cell.protocol);
        let spread = sd(&cell.by_chip).map_or_else(String::new, |sd| format!(" +- {:.2}", 100.0 * sd));
        let mean = cell.mean.map_or_else(|| "-".to_owned(), |mean| format!("{:6.2}", 100.0 * mean));
        console.say(format_args!("{what:<22} {mean}{spread} % over {} chips", cell.by_chip.len()));
        if part.name == "fine-tune" {
            for (epoch, values) in course(part) {
                let mean = mean_of(&values);
                console.say(format_args!("  after {epoch:>3} epochs     {:6.2} %", 100.0 * mean));
            }
        }
    }
    let mut lost = sensitivity(parts);
    lost.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (effect, gain, _) in lost.iter().take(3) {
        console.say(format_args!("without {effect:<15} {:+6.2} points", 100.0 * gain));
    }
}

fn mean_of(values: &[f64]) -> f64 {
    mean(values).unwrap_or(f64::NAN)
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Raw => "raw",
        Protocol::FineTune => "fine-tuned",
        _ => "calibrated",
    }
}

fn cells(parts: &[Part]) -> impl Iterator<Item = (&Part, &Cell)> {
    parts.iter().flat_map(|part| part.summary.cells.iter().map(move |cell| (part, cell)))
}

fn outcomes(part: &Part, protocol: Protocol) -> impl Iterator<Item = &Outcome> {
    let own = part.plan.trials.iter().zip(&part.summary.records).filter(move |(t, _)| t.place.protocol == protocol);
    own.filter_map(|(_, record)| record.as_ref()?.outcome.as_ref())
}

/// Epochs after which fine-tuned networks were tested, with the accuracies of all chips.
fn course(part: &Part) -> Vec<(u32, Vec<f64>)> {
    let mut found: Vec<(u32, Vec<f64>)> = Vec::new();
    for outcome in outcomes(part, Protocol::FineTune) {
        let (Some(epochs), Some(accuracies)) = (outcome.series.get("test_epochs"), outcome.series.get("test_accuracy"))
        else {
            continue;
        };
        for (epoch, accuracy) in epochs.iter().zip(accuracies) {
            let epoch = *epoch as u32;
            match found.iter_mut().find(|(known, _)| *known == epoch) {
                Some((_, values)) => values.push(*accuracy),
                None => found.push((epoch, vec![*accuracy])),
            }
        }
    }
    found.sort_by_key(|(epoch, _)| *epoch);
    found
}

/// What each effect costs: its name, the mean gain in accuracy without it, and the gain of each chip.
fn sensitivity(parts: &[Part]) -> Vec<(&'static str, f64, Vec<f64>)> {
    let Some(part) = parts.iter().find(|part| part.name == "sensitivity") else { return Vec::new() };
    let at = |name: &str| {
        let point = part.plan.points.iter().position(|point| point.values.iter().any(|value| value.text == name))?;
        part.summary.cells.iter().find(|cell| cell.point == point)
    };
    let Some(with) = at(NOTHING) else { return Vec::new() };
    let of = |effect: &deploy::effects::Effect| {
        let without = at(effect.name)?;
        let gains: Vec<f64> = without.by_chip.iter().zip(&with.by_chip).map(|(without, with)| without - with).collect();
        Some((effect.name, mean(&gains)?, gains))
    };
    EFFECTS.iter().filter_map(of).collect()
}

fn summary(job: &Job, parts: &[Part], ideal: f64, checked: &Value) -> Value {
    let mut found = serde_json::Map::new();
    for (_, cell) in cells(parts).filter(|(part, _)| part.name != "sensitivity") {
        let others: serde_json::Map<String, Value> = cell.others.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let value = json!({
            "chips": cell.by_chip.len(),
            "trials": cell.accuracies.len(),
            "failed": cell.failed,
            "accuracy_mean": cell.mean,
            "accuracy_sd_chips": sd(&cell.by_chip),
            "accuracy_worst_decile": cell.worst_decile,
            "accuracy_median": cell.median,
            "accuracy_quartiles": cell.quartiles,
            "interval": cell.interval,
            "accuracy_by_chip": cell.by_chip,
            "means": others,
        });
        found.insert(name(cell.protocol).replace('-', "_"), value);
    }
    let course: Vec<Value> = parts
        .iter()
        .filter(|part| part.name == "fine-tune")
        .flat_map(course)
        .map(|(epoch, values)| json!({ "epochs": epoch, "chips": values.len(), "mean": mean(&values), "sd": sd(&values), "worst_decile": quantile(&values, 0.1) }))
        .collect();
    let sensitivity: Vec<Value> = sensitivity(parts)
        .into_iter()
        .map(|(effect, mean, gains)| json!({ "without": effect, "gain_mean": mean, "gain_by_chip": gains }))
        .collect();
    json!({
        "network": job.path,
        "version": env!("CARGO_PKG_VERSION"),
        "ideal_accuracy": ideal,
        "check": checked,
        "results": found,
        "fine_tuning": course,
        "sensitivity": sensitivity,
    })
}

fn percent(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| 100.0 * value).collect()
}

fn sketches(job: &Job, parts: &[Part], ideal: &IdealResult) -> Vec<(&'static str, Figure)> {
    let title = job.name();
    let mut drawn = Vec::new();
    let populations: Vec<Violin> = cells(parts)
        .filter(|(part, _)| part.name != "sensitivity")
        .map(|(_, cell)| Violin { label: name(cell.protocol).to_owned(), values: percent(&cell.by_chip) })
        .collect();
    let heading = format!("{title}: accuracy over chips (ideal model {:.2} %)", 100.0 * ideal.0);
    drawn.push(("accuracy", violins(&heading, "test accuracy in %", &populations)));
    if let Some(part) = parts.iter().find(|part| part.name == "fine-tune") {
        let points = course(part).into_iter().filter_map(|(epoch, values)| {
            let at = |q| quantile(&values, q).map(|value| 100.0 * value);
            Some(Spread { x: f64::from(epoch), low: at(0.25)?, median: at(0.5)?, high: at(0.75)? })
        });
        let curve = Curve { label: String::new(), points: points.collect() };
        let heading = format!("{title}: trained on in the loop of each chip");
        drawn.push(("fine-tuning", quartile_curves(&heading, "epochs in the loop", "test accuracy in %", &[curve])));
    }
    let effects: Vec<Violin> = sensitivity(parts)
        .into_iter()
        .map(|(effect, _, gains)| Violin { label: effect.to_owned(), values: percent(&gains) })
        .collect();
    if !effects.is_empty() {
        drawn.push((
            "sensitivity",
            violins(&format!("{title}: what is gained without an effect"), "points of accuracy", &effects),
        ));
    }
    let mut panels = Vec::new();
    for (number, layer) in ideal.1.iter().enumerate() {
        let expected = rates(layer);
        let mut series = Vec::new();
        for (colour, protocol) in [Protocol::Raw, Protocol::Calibrated].into_iter().enumerate() {
            let key = format!("rates_layer{}", number + 1);
            let found: Vec<&Vec<f64>> = parts
                .iter()
                .filter(|p| p.name == "chips")
                .flat_map(|p| outcomes(p, protocol))
                .filter_map(|o| o.series.get(&key))
                .collect();
            let of = |neuron: usize| mean(&found.iter().map(|rates| rates[neuron]).collect::<Vec<_>>());
            let points = expected.iter().enumerate().filter_map(|(n, ideal)| Some((*ideal, of(n)?))).collect();
            series.push(Series { label: name(protocol).to_owned(), points, mark: Mark::Points, colour });
        }
        series.push(Series {
            label: String::new(),
            points: vec![(0.0, 0.0), (1.0, 1.0)],
            mark: Mark::Faint,
            colour: 0,
        });
        panels.push(ChartPanel {
            caption: format!("layer {}", number + 1),
            x_label: "share of samples with a spike, ideal model".to_owned(),
            y_label: "on chips".to_owned(),
            series,
            x_band: None,
            y_band: None,
        });
    }
    drawn.push(("rates", chart(&format!("{title}: how often neurons fire"), &panels)));
    drawn
}

fn report(
    job: &Job,
    fitted: &Fitted,
    parts: &[Part],
    ideal: f64,
    checked: &Value,
    drawn: &[(&'static str, Figure)],
) -> String {
    let mut page = begin(&format!("{}: a rehearsal", job.name()));
    let _ = writeln!(
        page,
        "<p>{} becomes {} on the chip, {}. {}. bss2 {}.</p>",
        escaped(&job.shape()),
        escaped(&checked["layers"].to_string()),
        escaped(&fitted.site.to_string()),
        escaped(&described(fitted)),
        env!("CARGO_PKG_VERSION")
    );
    let _ = writeln!(page, "<p>Accuracy of the ideal model on the test samples: {:.2} %.</p>", 100.0 * ideal);
    for (_, figure) in drawn {
        page += &embedded(figure);
    }
    page += "<h2>Accuracy over chips</h2>\n<table><tr><th>chips</th><th>n</th><th>mean</th><th>sd</th><th>worst decile</th><th>median</th><th>failed</th></tr>\n";
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", 100.0 * v));
    for (_, cell) in cells(parts).filter(|(part, _)| part.name != "sensitivity") {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            name(cell.protocol),
            cell.by_chip.len(),
            number(cell.mean),
            number(sd(&cell.by_chip)),
            number(cell.worst_decile),
            number(cell.median),
            cell.failed
        );
    }
    page += "</table>\n";
    agreement(&mut page, parts);
    weights(&mut page, checked);
    for part in parts.iter().filter(|part| part.name == "fine-tune") {
        page += "<h2>Fine-tuning</h2>\n<table><tr><th>epochs</th><th>chips</th><th>mean</th><th>sd</th><th>worst decile</th></tr>\n";
        for (epoch, values) in course(part) {
            let _ = writeln!(
                page,
                "<tr><td>{epoch}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                values.len(),
                number(mean(&values)),
                number(sd(&values)),
                number(quantile(&values, 0.1))
            );
        }
        page += "</table>\n";
    }
    let found = sensitivity(parts);
    if !found.is_empty() {
        page += "<h2>What hurts</h2>\n<p>Points of accuracy gained on chips that are set directly, without one effect each.</p>\n\
                 <table><tr><th>without</th><th class=\"t\">what it is</th><th>mean</th><th>sd</th></tr>\n";
        for (effect, gain, gains) in found {
            let meaning = EFFECTS.iter().find(|e| e.name == effect).map_or("", |e| e.meaning);
            let _ = writeln!(
                page,
                "<tr><td>{effect}</td><td class=\"t\">{meaning}</td><td>{:+.2}</td><td>{}</td></tr>",
                100.0 * gain,
                number(sd(&gains))
            );
        }
        page += "</table>\n";
    }
    errors(&mut page, parts);
    let _ = writeln!(
        page,
        "<h2>Mapping</h2>\n<pre>{}</pre>\n</body></html>",
        escaped(&toml::to_string(&fitted.mapping).unwrap_or_default())
    );
    page
}

/// How far spikes are from those of the ideal model, by layer.
fn agreement(page: &mut String, parts: &[Part]) {
    page.push_str(
        "<h2>Agreement with the ideal model</h2>\n<p>Means over chips. <i>Silent</i>: share of samples without a spike of a neuron; <i>never</i>: neurons that \
         spike in no sample; <i>agree</i>: both spike, or neither; <i>shift</i> and <i>spread</i>: mean and standard deviation of spike times, chip minus ideal, in \
         tau_syn (latency included); <i>ideal behind</i>: accuracy in % if all layers behind this one were ideal.</p>\n<table><tr><th>chips</th><th>layer</th>\
         <th>silent</th><th>ideal</th><th>never</th><th>agree</th><th>shift</th><th>spread</th><th>ideal behind</th></tr>\n",
    );
    for (_, cell) in cells(parts).filter(|(part, _)| part.name == "chips") {
        for layer in 1.. {
            let of = |name: &str| cell.others.get(&format!("layer{layer}_{name}")).copied();
            let Some(silent) = of("silent") else { break };
            let cells = [Some(silent), of("silent_ideal"), of("never"), of("agree"), of("shift"), of("spread")];
            let behind = cell.others.get(&format!("ideal_behind_layer{layer}"));
            let behind = behind.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", 100.0 * v));
            let _ = write!(page, "<tr><td>{}</td><td>{layer}</td>", name(cell.protocol));
            for value in cells {
                let _ = write!(page, "<td>{:.3}</td>", value.unwrap_or(f64::NAN));
            }
            let _ = writeln!(page, "<td>{behind}</td></tr>");
        }
    }
    page.push_str("</table>\n<table><tr><th>chips</th><th>right on the ideal model only</th><th>right on the chip only</th><th>same class</th></tr>\n");
    for (_, cell) in cells(parts).filter(|(part, _)| part.name == "chips") {
        let of = |name: &str| cell.others.get(name).map_or_else(|| "-".to_owned(), |v| format!("{:.2} %", 100.0 * v));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            name(cell.protocol),
            of("flip_lost"),
            of("flip_won"),
            of("same_class")
        );
    }
    page.push_str("</table>\n");
}

fn weights(page: &mut String, checked: &Value) {
    page.push_str("<h2>Weights</h2>\n<table><tr><th>layer</th><th>beyond one synapse</th><th>clipped</th><th>rounded to zero</th><th>change (rms)</th></tr>\n");
    for layer in checked["weights"].as_array().into_iter().flatten() {
        let share = |key: &str| format!("{:.2} %", 100.0 * layer[key].as_f64().unwrap_or(f64::NAN));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            layer["layer"],
            share("beyond_a_synapse"),
            share("clipped"),
            share("rounded_to_zero"),
            share("relative_rms")
        );
    }
    page.push_str("</table>\n");
}

fn errors(page: &mut String, parts: &[Part]) {
    let mut told: Vec<&str> =
        parts.iter().flat_map(|p| p.summary.records.iter().flatten()).filter_map(|r| r.error.as_deref()).collect();
    if told.is_empty() {
        return;
    }
    told.sort_unstable();
    told.dedup();
    page.push_str("<h2>Failed trials</h2>\n<ul>\n");
    for error in told {
        let _ = writeln!(page, "<li>{}</li>", escaped(error));
    }
    page.push_str("</ul>\n");
}
