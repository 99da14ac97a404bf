//! Results as tables: CSV for people and spreadsheets, npz for NumPy.

use std::fmt::Write as _;
use std::io::Cursor;

use ndarray::Array1;
use ndarray_npy::NpzWriter;

use crate::statistics::Components;
use crate::{Error, Plan, StudyFolder, Summary, Trial};

/// Columns of [`results_csv`] between axes and metrics.
pub(crate) const OF_TRIAL: [&str; 5] = ["protocol", "chip", "source_chip", "seed", "repeat"];
/// Columns of [`results_csv`] behind the metrics.
pub(crate) const AFTER_METRICS: [&str; 2] = ["error", "id"];
/// Columns of [`summary_csv`] between axes and other metrics.
pub(crate) const OF_SUMMARY: [&str; 16] = [
    "protocol",
    "trials",
    "failed",
    "missing",
    "mean",
    "interval_low",
    "interval_high",
    "sd",
    "sd_chips",
    "sd_sources",
    "sd_seeds",
    "sd_rest",
    "worst_decile",
    "quartile_1",
    "median",
    "quartile_3",
];

/// One row for each trial, in the order of the plan.
pub fn results_csv<C>(plan: &Plan<C>, summary: &Summary) -> String {
    let axes = &plan.study.axes;
    let metrics = summary.metrics();
    let mut header: Vec<String> = axes.iter().map(|axis| axis.name.clone()).collect();
    header.extend(OF_TRIAL.map(str::to_owned));
    header.extend(metrics.iter().map(|name| (*name).to_owned()));
    header.extend(AFTER_METRICS.map(str::to_owned));
    let mut text = line(&header);
    for (trial, record) in plan.trials.iter().zip(&summary.records) {
        let mut cells = on_axes(plan, trial.point);
        let place = trial.place;
        cells.push(place.protocol.name().to_owned());
        cells.push(place.chip.to_string());
        cells.push(place.source.map_or_else(String::new, |chip| chip.to_string()));
        cells.extend([place.seed.to_string(), place.repeat.to_string()]);
        let outcome = record.as_ref().and_then(|record| record.outcome.as_ref());
        let found = |name: &&str| outcome.and_then(|o| o.metrics.get(*name)).map_or_else(String::new, f64::to_string);
        cells.extend(metrics.iter().map(found));
        let error = match record {
            Some(record) => record.error.clone().unwrap_or_default(),
            None => "no result yet".to_owned(),
        };
        cells.extend([error, trial.id.to_string()]);
        text += &line(&cells);
    }
    text
}

/// One row for each point and protocol.
pub fn summary_csv<C>(plan: &Plan<C>, summary: &Summary) -> String {
    let others: Vec<&str> = summary.metrics().into_iter().filter(|name| *name != "accuracy").collect();
    let mut header: Vec<String> = plan.study.axes.iter().map(|axis| axis.name.clone()).collect();
    header.extend(OF_SUMMARY.map(str::to_owned));
    header.extend(others.iter().map(|name| format!("mean_{name}")));
    let mut text = line(&header);
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    for cell in &summary.cells {
        let mut cells = on_axes(plan, cell.point);
        cells.push(cell.protocol.name().to_owned());
        cells.extend([cell.accuracies.len(), cell.failed, cell.missing].map(|n| n.to_string()));
        let Components { chip, source, seed, rest } = cell.variance.components;
        let numbers = [
            cell.mean,
            cell.interval.map(|i| i.0),
            cell.interval.map(|i| i.1),
            cell.variance.sd,
            chip,
            source,
            seed,
            rest,
            cell.worst_decile,
            cell.quartiles.map(|q| q.0),
            cell.median,
            cell.quartiles.map(|q| q.1),
        ];
        cells.extend(numbers.map(number));
        cells.extend(others.iter().map(|name| number(cell.others.get(*name).copied())));
        text += &line(&cells);
    }
    text
}

/// What trials took, in the order of the plan. Unlike the others this table differs from run to run.
pub fn timings_csv<C>(plan: &Plan<C>, folder: &StudyFolder) -> String {
    let mut text = "id,protocol,wall_s\n".to_owned();
    for trial in &plan.trials {
        if let Some(timing) = folder.timing(&trial.id) {
            let _ = writeln!(text, "{},{},{:.3}", trial.id, trial.place.protocol.name(), timing.wall_s);
        }
    }
    text
}

/// The columns of [`results_csv`] as arrays `(n_trials)`; `NaN` where there is no number.
///
/// `axis_NAME` is the place on an axis, `protocol` counts in the order of the study, `source_chip` is -1 where there is none, and
/// `study` holds the study as UTF-8.
///
/// # Errors
/// [`Error::Encode`].
pub fn results_npz<C>(plan: &Plan<C>, summary: &Summary) -> Result<Vec<u8>, Error> {
    let encode = |e: ndarray_npy::WriteNpzError| Error::Encode { what: "results.npz", message: e.to_string() };
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    for (index, axis) in plan.study.axes.iter().enumerate() {
        let at = |trial: &Trial<C>| {
            plan.points[trial.point].values.iter().find(|v| v.axis == index).and_then(|v| v.at).unwrap_or(f64::NAN)
        };
        let column: Array1<f64> = plan.trials.iter().map(at).collect();
        npz.add_array(format!("axis_{}", axis.name), &column).map_err(encode)?;
    }
    let protocol = |t: &Trial<C>| plan.study.protocols.iter().position(|p| *p == t.place.protocol).unwrap_or(0) as i64;
    let columns: [(&str, Array1<i64>); 5] = [
        ("protocol", plan.trials.iter().map(protocol).collect()),
        ("chip", plan.trials.iter().map(|t| t.place.chip as i64).collect()),
        ("source_chip", plan.trials.iter().map(|t| t.place.source.map_or(-1, |chip| chip as i64)).collect()),
        ("seed", plan.trials.iter().map(|t| t.place.seed as i64).collect()),
        ("repeat", plan.trials.iter().map(|t| i64::from(t.place.repeat)).collect()),
    ];
    for (name, column) in &columns {
        npz.add_array(*name, column).map_err(encode)?;
    }
    for name in summary.metrics() {
        let of = |record: &Option<crate::Record>| {
            record.as_ref().and_then(|r| r.outcome.as_ref()?.metrics.get(name).copied()).unwrap_or(f64::NAN)
        };
        let column: Array1<f64> = summary.records.iter().map(of).collect();
        npz.add_array(name, &column).map_err(encode)?;
    }
    npz.add_array("study", &Array1::from(plan.study.to_toml()?.into_bytes())).map_err(encode)?;
    Ok(npz.finish().map_err(encode)?.into_inner())
}

/// Places of a point, one cell for each axis.
fn on_axes<C>(plan: &Plan<C>, point: usize) -> Vec<String> {
    let of = |axis: usize| plan.points[point].values.iter().find(|v| v.axis == axis);
    (0..plan.study.axes.len()).map(|axis| of(axis).map_or_else(String::new, |v| v.text.clone())).collect()
}

/// A line of CSV, quoted as RFC 4180 says.
fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    let mut text = cells.iter().map(quoted).collect::<Vec<_>>().join(",");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let cells = ["a", "b,c", "say \"d\"", ""].map(str::to_owned);
        assert_eq!(line(&cells), "a,\"b,c\",\"say \"\"d\"\"\",\n");
    }
}
