//! What the trials of a study amount to, by point and protocol.

use std::collections::BTreeMap;

use crate::statistics::{
    Components, bootstrap, bootstrap_of_pairs, components, components_of_pairs, mean, quantile, sd,
};
use crate::{Error, Plan, Protocol, Record, StudyFile, StudyFolder, TransferPairs};

/// The metric that summaries are about.
const ACCURACY: &str = "accuracy";

/// Spread over chips and trainings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variance {
    /// Standard deviation over all trials.
    pub sd: Option<f64>,
    /// Between chips, between trainings, and the rest.
    pub components: Components,
}

/// Seed of a chip, and of the one that its network came from.
type Chip = (u64, Option<u64>);

/// All trials of a point and a protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Index of the point.
    pub point: usize,
    /// Protocol.
    pub protocol: Protocol,
    /// Accuracies of all trials, in the order of the plan.
    pub accuracies: Vec<f64>,
    /// Mean accuracy of each chip, over seeds and repeats.
    pub by_chip: Vec<f64>,
    /// Trials that failed.
    pub failed: usize,
    /// Trials without a result.
    pub missing: usize,
    /// Mean accuracy.
    pub mean: Option<f64>,
    /// Spread.
    pub variance: Variance,
    /// Median over all trials.
    pub median: Option<f64>,
    /// Quartiles over all trials.
    pub quartiles: Option<(f64, f64)>,
    /// Worst decile: the accuracy that 10 % of the trials do not reach.
    pub worst_decile: Option<f64>,
    /// Bootstrap interval of the mean.
    pub interval: Option<(f64, f64)>,
    /// Means of all other metrics, by name, over the trials that have them.
    pub others: BTreeMap<String, f64>,
}

/// A study's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// By point, then protocol in the order of the study.
    pub cells: Vec<Cell>,
    /// The result of each trial of the plan, in its order.
    pub records: Vec<Option<Record>>,
}

impl Summary {
    /// Reads what there is.
    ///
    /// # Errors
    /// If a result cannot be read.
    pub fn read<C>(plan: &Plan<C>, folder: &StudyFolder) -> Result<Self, Error> {
        let records: Result<Vec<Option<Record>>, Error> = plan.trials.iter().map(|t| folder.record(&t.id)).collect();
        let records = records?;
        let mut cells = Vec::new();
        for point in 0..plan.points.len() {
            for &protocol in &plan.study.protocols {
                let own: Vec<(&crate::Trial<C>, Option<&Record>)> = plan
                    .trials
                    .iter()
                    .zip(&records)
                    .filter(|(trial, _)| trial.point == point && trial.place.protocol == protocol)
                    .map(|(trial, record)| (trial, record.as_ref()))
                    .collect();
                if !own.is_empty() {
                    cells.push(cell(point, protocol, &own, &plan.study));
                }
            }
        }
        Ok(Self { cells, records })
    }

    /// Trials without a result.
    pub fn missing(&self) -> usize {
        self.records.iter().filter(|record| record.is_none()).count()
    }

    /// Trials that failed.
    pub fn failed(&self) -> usize {
        self.records.iter().flatten().filter(|record| record.error.is_some()).count()
    }

    /// Names of all numbers that trials found, sorted.
    pub fn metrics(&self) -> Vec<&str> {
        let outcomes = self.records.iter().flatten().filter_map(|record| record.outcome.as_ref());
        let names: std::collections::BTreeSet<&str> =
            outcomes.flat_map(|outcome| outcome.metrics.keys().map(String::as_str)).collect();
        names.into_iter().collect()
    }
}

fn cell<C>(point: usize, protocol: Protocol, own: &[(&crate::Trial<C>, Option<&Record>)], study: &StudyFile) -> Cell {
    let mut accuracies = Vec::new();
    // By chip (a chip that networks come to from several others counts once for each), then seed, over repeats.
    let mut sums: BTreeMap<(Chip, u64), (f64, usize)> = BTreeMap::new();
    let mut others: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let (mut failed, mut missing) = (0, 0);
    for (trial, record) in own {
        let Some(record) = record else {
            missing += 1;
            continue;
        };
        let Some(outcome) = &record.outcome else {
            failed += 1;
            continue;
        };
        for (name, value) in &outcome.metrics {
            if name == ACCURACY {
                accuracies.push(*value);
                let key = ((trial.place.chip, trial.place.source), trial.place.seed);
                let sum = sums.entry(key).or_insert((0.0, 0));
                *sum = (sum.0 + value, sum.1 + 1);
            } else {
                others.entry(name.clone()).or_default().push(*value);
            }
        }
    }
    let mut chips: Vec<Chip> = own.iter().map(|(t, _)| (t.place.chip, t.place.source)).collect();
    let mut seeds: Vec<u64> = own.iter().map(|(t, _)| t.place.seed).collect();
    for_each_once(&mut chips);
    for_each_once(&mut seeds);
    let of = |chip, seed| sums.get(&(chip, seed)).map(|(sum, n)| sum / *n as f64);
    let table: Vec<Vec<Option<f64>>> =
        chips.iter().map(|chip| seeds.iter().map(|seed| of(*chip, *seed)).collect()).collect();
    // Where each chip has a training of its own, the two cannot be told apart.
    let table =
        if study.paired { table.iter().map(|row| vec![row.iter().flatten().copied().next()]).collect() } else { table };
    let (parts, interval) = if protocol == Protocol::Transfer && study.settings.transfer == TransferPairs::All {
        let mut single: Vec<u64> = own.iter().map(|(t, _)| t.place.chip).collect();
        for_each_once(&mut single);
        let to = |seed: u64| {
            single.iter().map(|c| single.iter().map(|s| of((*c, Some(*s)), seed)).collect()).collect::<Vec<Vec<_>>>()
        };
        let tables: Vec<_> = seeds.iter().map(|seed| to(*seed)).collect();
        (components_of_pairs(&full_off_diagonal(&tables)), bootstrap_of_pairs(&tables))
    } else {
        // Chips that lack a training would pull the components towards their own means.
        let full: Vec<Vec<f64>> = table.iter().filter_map(|row| row.iter().copied().collect()).collect();
        let parts = if study.paired { Components::default() } else { components(&full) };
        (parts, bootstrap(&table))
    };
    let by_chip = table.iter().filter_map(|row| mean(&row.iter().flatten().copied().collect::<Vec<_>>())).collect();
    Cell {
        point,
        protocol,
        failed,
        missing,
        mean: mean(&accuracies),
        variance: Variance { sd: sd(&accuracies), components: parts },
        median: quantile(&accuracies, 0.5),
        quartiles: quantile(&accuracies, 0.25).zip(quantile(&accuracies, 0.75)),
        worst_decile: quantile(&accuracies, 0.1),
        interval,
        others: others.into_iter().filter_map(|(name, values)| Some((name, mean(&values)?))).collect(),
        by_chip,
        accuracies,
    }
}

/// The tables that lack nothing beside their diagonals, which become 0.
fn full_off_diagonal(tables: &[Vec<Vec<Option<f64>>>]) -> Vec<Vec<Vec<f64>>> {
    let row = |(c, row): (usize, &Vec<Option<f64>>)| -> Option<Vec<f64>> {
        row.iter().enumerate().map(|(s, value)| if c == s { Some(0.0) } else { *value }).collect()
    };
    tables.iter().filter_map(|table| table.iter().enumerate().map(row).collect()).collect()
}

/// Sorts and leaves each once.
fn for_each_once<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}
