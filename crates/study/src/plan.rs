//! From a study to its trials.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::axes::{AxisPoint, AxisValue, Design};
use crate::runner::{Draft, Layer, Place, Runner};
use crate::{Error, FORMAT, Protocol, StudyFile, TransferPairs};

/// Most trials of a study.
const MOST_TRIALS: usize = 1_000_000;

/// The address of a trial: the digest of everything that its result depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TrialId(String);

impl TrialId {
    /// The address of what depends on `text`, in this version of the results.
    pub fn of(text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("bss2 study trial {FORMAT}\n").as_bytes());
        hasher.update(text.as_bytes());
        Self(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// As text: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A point of the study.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Places on the axes that vary there.
    pub values: Vec<AxisValue>,
    /// As people read it: `spread 0.1, range 2.0`.
    pub text: String,
}

/// A trial.
#[derive(Debug, Clone)]
pub struct Trial<C> {
    /// Its address.
    pub id: TrialId,
    /// Index of its point.
    pub point: usize,
    /// Which one it is there.
    pub place: Place,
    /// Its configuration.
    pub config: C,
    /// About how many seconds of one thread it takes.
    pub estimate_s: f64,
}

/// All trials of a study, in the order of its tables: by point, protocol, chip, seed, repeat.
#[derive(Debug, Clone)]
pub struct Plan<C> {
    /// The study.
    pub study: StudyFile,
    /// Its points.
    pub points: Vec<Point>,
    /// Its trials, each once: those that depend on no chip are of the first one.
    pub trials: Vec<Trial<C>>,
}

impl<C: Clone + Send + Sync> Plan<C> {
    /// Plans a study; `origin` names it in messages.
    ///
    /// # Errors
    /// If the configuration of a point cannot be used, two points are the same, or there are too many trials.
    pub fn new<R: Runner<Config = C>>(study: StudyFile, runner: &R, origin: &str) -> Result<Self, Error> {
        let (chips, seeds) = (study.chips.list(), study.seeds.list());
        let problem = |text: String| Error::Problems { origin: origin.to_owned(), problems: vec![text] };
        let most = most_trials(&study, chips.len(), seeds.len());
        if most > MOST_TRIALS {
            return Err(problem(format!("up to {most} trials; expected at most {MOST_TRIALS}")));
        }
        let mut trials: Vec<Trial<C>> = Vec::new();
        let mut known = BTreeSet::new();
        let mut points = Vec::new();
        for (number, point) in study.points().into_iter().enumerate() {
            for &protocol in &study.protocols {
                let refuse = |message| Error::Point {
                    origin: origin.to_owned(),
                    point: study.described(&point),
                    protocol: protocol.name(),
                    message,
                };
                let config = runner.resolve(&draft(&study, &point, protocol)).map_err(refuse)?;
                for (number_of_chip, (chip, source)) in
                    pairs(protocol, &chips, study.settings.transfer).into_iter().enumerate()
                {
                    let own = if study.paired { &seeds[number_of_chip..=number_of_chip] } else { &seeds[..] };
                    for &seed in own {
                        for repeat in 0..study.repeats {
                            let place = Place { protocol, chip, source, seed, repeat };
                            let id = TrialId::of(&runner.address(&config, place).map_err(refuse)?);
                            // The same trial under another name is no further evidence.
                            if !known.insert((number, id.clone())) {
                                continue;
                            }
                            let estimate_s = runner.estimate_s(&config, place);
                            trials.push(Trial { id, point: number, place, config: config.clone(), estimate_s });
                        }
                    }
                }
            }
            points.push(Point { text: study.described(&point), values: point.values });
        }
        if let Some((one, other)) = same_points(&study, &points, &trials) {
            return Err(problem(format!(
                "axes: points \"{}\" and \"{}\" are the same in every trial; a value is given twice, or its key has no effect here",
                points[one].text, points[other].text
            )));
        }
        Ok(Self { study, points, trials })
    }
}

impl<C> Plan<C> {
    /// One line of JSON for each trial.
    pub fn lines(&self) -> String {
        let line = |trial: &Trial<C>| {
            let values: serde_json::Map<String, serde_json::Value> = self.points[trial.point]
                .values
                .iter()
                .map(|v| (self.study.axes[v.axis].name.clone(), v.text.clone().into()))
                .collect();
            let Place { protocol, chip, source, seed, repeat } = trial.place;
            let line = serde_json::json!({
                "id": trial.id, "point": values, "protocol": protocol, "chip": chip, "source": source, "seed": seed, "repeat": repeat
            });
            format!("{line}\n")
        };
        self.trials.iter().map(line).collect()
    }

    /// For each trial the number of its family: the trials of a point that use the same trainings, which a shard keeps together.
    pub fn families(&self) -> Vec<usize> {
        let mut known = BTreeMap::new();
        let family = |trial: &Trial<C>| {
            let place = trial.place;
            let next = known.len();
            *known.entry((trial.point, place.source.unwrap_or(place.chip), place.seed)).or_insert(next)
        };
        self.trials.iter().map(family).collect()
    }

    /// Trials, and seconds of one thread that they take, by protocol in the order of the study.
    pub fn by_protocol(&self) -> Vec<(Protocol, usize, f64)> {
        let of = |protocol: &Protocol| {
            let own = self.trials.iter().filter(|trial| trial.place.protocol == *protocol);
            let (count, seconds) = own.fold((0, 0.0), |(n, s), trial| (n + 1, s + trial.estimate_s));
            (*protocol, count, seconds)
        };
        self.study.protocols.iter().map(of).collect()
    }
}

fn draft<'a>(study: &'a StudyFile, point: &AxisPoint, protocol: Protocol) -> Draft<'a> {
    let mut layers = vec![Layer { origin: "config".to_owned(), table: study.config.clone() }];
    layers.extend(point.tables.iter().map(|(origin, table)| Layer { origin: origin.clone(), table: table.clone() }));
    if let Some(table) = study.overrides.get(&protocol) {
        layers.push(Layer { origin: format!("overrides.{}", protocol.name()), table: table.clone() });
    }
    Draft { base: &study.base, layers, protocol, settings: &study.settings }
}

/// Trials of a study before those that turn out the same are left out.
fn most_trials(study: &StudyFile, chips: usize, seeds: usize) -> usize {
    let of = |protocol: &Protocol| match (*protocol, study.settings.transfer) {
        (Protocol::Transfer, TransferPairs::All) => chips.saturating_mul(chips.saturating_sub(1)),
        _ => chips,
    };
    let pairs = study.protocols.iter().map(of).fold(0, usize::saturating_add);
    let tests = if study.paired { 1 } else { seeds }.saturating_mul(study.repeats as usize);
    study.n_points().saturating_mul(pairs).saturating_mul(tests)
}

/// Two points of which one asks nothing new. Where one axis varies at a time, each may pass through the base configuration.
fn same_points<C>(study: &StudyFile, points: &[Point], trials: &[Trial<C>]) -> Option<(usize, usize)> {
    let mut ids = vec![Vec::new(); points.len()];
    for trial in trials {
        ids[trial.point].push(trial.id.as_str());
    }
    let mut known = BTreeMap::new();
    for (number, ids) in ids.into_iter().enumerate() {
        let axes: Vec<usize> = points[number].values.iter().map(|v| v.axis).collect();
        let among = if study.design == Design::OneAtATime { axes } else { Vec::new() };
        if let Some(first) = known.insert((among, ids), number) {
            return Some((first, number));
        }
    }
    None
}

/// Chips of a protocol, each with the chip that its network comes from.
fn pairs(protocol: Protocol, chips: &[u64], transfer: TransferPairs) -> Vec<(u64, Option<u64>)> {
    if protocol != Protocol::Transfer {
        return chips.iter().map(|chip| (*chip, None)).collect();
    }
    let next = |n: usize| chips[(n + 1) % chips.len()];
    match transfer {
        TransferPairs::Next => chips.iter().enumerate().map(|(n, source)| (next(n), Some(*source))).collect(),
        TransferPairs::All => {
            let to =
                |source: u64| chips.iter().filter(move |chip| **chip != source).map(move |chip| (*chip, Some(source)));
            chips.iter().flat_map(|source| to(*source)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_go_to_the_next_chip_or_to_all() {
        let chips = [4, 7, 9];
        let next = pairs(Protocol::Transfer, &chips, TransferPairs::Next);
        assert_eq!(next, [(7, Some(4)), (9, Some(7)), (4, Some(9))]);
        assert_eq!(pairs(Protocol::Transfer, &chips, TransferPairs::All).len(), 6);
        assert_eq!(pairs(Protocol::Raw, &chips, TransferPairs::All), [(4, None), (7, None), (9, None)]);
    }

    #[test]
    fn addresses_follow_the_text() {
        assert_eq!(TrialId::of("a"), TrialId::of("a"));
        assert_ne!(TrialId::of("a"), TrialId::of("b"));
        assert_eq!(TrialId::of("a").as_str().len(), 32);
    }
}
