//! What a workload takes: time on the wall, CPU time of the whole process, memory.

use std::time::Instant;

use serde::Serialize;

/// Times of one workload, by repetition.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Times {
    pub wall_s: Vec<f64>,
    /// Of all threads; empty where the system does not tell.
    pub cpu_s: Vec<f64>,
}

impl Times {
    /// Times some work and adds it.
    pub fn add<T, E>(&mut self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let (begun, before) = (Instant::now(), cpu_s());
        let result = work()?;
        self.wall_s.push(begun.elapsed().as_secs_f64());
        if let (Some(before), Some(after)) = (before, cpu_s()) {
            self.cpu_s.push(after - before);
        }
        Ok(result)
    }
}

/// CPU time that the threads of this process have had; `None` where the system does not tell.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub fn cpu_s() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64)
}

/// CPU time that the threads of this process have had; `None` where the system does not tell.
#[cfg(not(unix))]
pub fn cpu_s() -> Option<f64> {
    None
}

/// The most memory that this process has had, in MB; `None` where the system does not tell.
pub fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// Median, smallest and largest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of several values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len();
        Some(Self { median: 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_median_and_range() {
        let of = |values: &[f64]| Spread::of(values).map(|s| (s.median, s.min, s.max));
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some((2.0, 1.0, 3.0)));
        assert_eq!(of(&[4.0, 1.0]), Some((2.5, 1.0, 4.0)));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn every_repetition_is_timed_and_errors_are_handed_on() {
        let mut times = Times::default();
        assert_eq!(times.add(|| Ok::<_, ()>(7)), Ok(7));
        assert_eq!(times.add(|| Err::<(), _>("no")), Err("no"));
        assert_eq!(times.wall_s.len(), 1);
        assert!(times.wall_s[0] >= 0.0 && times.cpu_s.iter().all(|s| *s >= 0.0));
    }
}
