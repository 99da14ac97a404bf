//! Seeds of chips and of trainings.

use serde::{Deserialize, Serialize};

/// Most chips, and most training seeds.
const MOST_SEEDS: u64 = 100_000;
/// Seeds of chips or of trainings: a list, or so many from a first one on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// These.
    List(Vec<u64>),
    /// `count` seeds from `first` on.
    Range(SeedRange),
}

/// `count` seeds from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRange {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Seeds {
    /// The seeds.
    pub fn list(&self) -> Vec<u64> {
        match self {
            Self::List(seeds) => seeds.clone(),
            Self::Range(SeedRange { first, count }) => {
                (0..(*count).min(MOST_SEEDS)).map(|n| first.saturating_add(n)).collect()
            }
        }
    }

    /// What makes no sense, `key` naming these seeds.
    pub(crate) fn problems(&self, key: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if let Self::Range(range) = self
            && !(1..=MOST_SEEDS).contains(&range.count)
        {
            problems.push(format!("{key}.count: {} is not allowed; expected 1..={MOST_SEEDS}", range.count));
            return problems;
        }
        let mut seeds = self.list();
        if seeds.is_empty() {
            problems.push(format!("{key}: [] is not allowed; expected one seed or more"));
        }
        if let Some(seed) = seeds.iter().find(|seed| **seed > i64::MAX as u64) {
            problems.push(format!("{key}: {seed} is not allowed; seeds go up to {}", i64::MAX));
        }
        let given = seeds.len();
        seeds.sort_unstable();
        seeds.dedup();
        if seeds.len() < given {
            problems.push(format!("{key}: a seed is given twice; expected each once"));
        }
        problems
    }
}

impl Default for Seeds {
    fn default() -> Self {
        Self::List(vec![1])
    }
}
