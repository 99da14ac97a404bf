//! A share of the trials: one of several jobs.

use std::str::FromStr;

use crate::Error;

/// The `index`-th of `count` shares, from 1.
///
/// Families of trials ([`Plan::families`](crate::Plan::families)) are dealt out like cards, so that every share has some of each kind and
/// a training is done in one share.
///
/// ```
/// use study::Shard;
///
/// let shard: Shard = "2/3".parse()?;
/// assert_eq!((0..7).filter(|n| shard.has(*n)).collect::<Vec<_>>(), [1, 4]);
/// assert!("4/3".parse::<Shard>().is_err());
/// # Ok::<(), study::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// All trials.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// The `index`-th of `count`, from 1; `None` if there is no such share.
    pub fn new(index: usize, count: usize) -> Option<Self> {
        (1 <= index && index <= count).then_some(Self { index, count })
    }

    /// The share of a Slurm array task: `first` is the smallest index of the array (`SLURM_ARRAY_TASK_MIN`).
    pub fn of_array_task(task: usize, first: usize, count: usize) -> Option<Self> {
        Self::new(task.checked_sub(first)? + 1, count)
    }

    /// Whether the family with a number belongs to it.
    pub fn has(self, family: usize) -> bool {
        family % self.count == self.index - 1
    }

    /// Whether there are no others.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        parts.and_then(|(index, count)| Self::new(index, count)).ok_or_else(|| Error::Shard { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_has_one_share() {
        for count in 1..6 {
            for position in 0..20 {
                let having = (1..=count).filter(|index| Shard::new(*index, count).unwrap().has(position)).count();
                assert_eq!(having, 1);
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "3", "0/3", "4/3", "1/0", "a/b", "-1/3", "1/3/4"] {
            assert!(text.parse::<Shard>().unwrap_err().to_string().contains("I/N"), "{text}");
        }
        assert_eq!(Shard::of_array_task(0, 0, 4), Shard::new(1, 4));
        assert_eq!(Shard::of_array_task(4, 1, 4), Shard::new(4, 4));
        assert_eq!(Shard::of_array_task(0, 1, 4), None);
        assert_eq!("2 / 4".parse::<Shard>().unwrap().to_string(), "2/4");
    }
}
