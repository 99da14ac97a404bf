//! The fit of a profile to a recording.

mod levenberg;
mod objective;
mod parameters;
mod stages;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub(crate) use levenberg::solve_symmetric;
pub(crate) use objective::{Bodies, Work};
pub use parameters::Ingredients;
pub use stages::{Scores, Stage, StageReport, fit};

use crate::population::Population;
use crate::{Profile, Recording, TwinError};
use objective::{Evidence, Objective};
use parameters::Layout;

/// How much residuals count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighting {
    /// Expected error of a time, in model time.
    pub time: f64,
    /// Expected error of the potential at a spike, in units of weight: over the slope it adds to the error of the time.
    pub voltage: f64,
    /// Expected error of a peak relative to the threshold, where either chip or model is silent.
    pub silence: f64,
    /// Residuals larger than so many times their expected size count linearly.
    pub robust: f64,
    /// Slopes at a spike, in weight per time, are taken as at least this.
    pub least_slope: f64,
    /// Weight of an output spike: less than 1, because errors of the model are not independent from sample to sample, so that many
    /// samples know less than they seem to.
    pub outputs: f64,
    /// Weight of a hidden spike.
    pub hidden: f64,
}

impl Default for Weighting {
    fn default() -> Self {
        Self { time: 0.02, voltage: 0.04, silence: 0.05, robust: 2.0, least_slope: 0.3, outputs: 0.2, hidden: 1.0 }
    }
}

/// Which samples a fit sees: outputs of some training samples, hidden spikes of some test samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Training samples whose outputs are fitted.
    pub outputs: Range<usize>,
    /// Test samples whose hidden spikes are fitted have an index modulo 10 below this; 0 for none.
    pub hidden: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self { outputs: 0..3500, hidden: 7 }
    }
}

/// A fit in stages: each begins where the one before it ended.
#[derive(Debug)]
pub struct Fit<'a> {
    recording: &'a Recording,
    layout: Layout,
    rows: Rows,
    /// How much residuals count.
    pub weighting: Weighting,
    z: Vec<f64>,
}

impl<'a> Fit<'a> {
    /// Begins with the mean of the population.
    ///
    /// # Errors
    /// [`TwinError::Rows`] for rows that the recording does not have.
    pub fn new(recording: &'a Recording, population: Population, rows: Rows) -> Result<Self, TwinError> {
        recording.train.check_rows("rows whose outputs are fitted", &rows.outputs)?;
        let layout = Layout::new(recording, population);
        let z = vec![0.0; layout.n];
        Ok(Self { recording, layout, rows, weighting: Weighting::default(), z })
    }

    /// Fits with some ingredients, on outputs or hidden spikes or both; parameters of others are as in an ideal network.
    ///
    /// `progress` is told the number of each step and the value of the objective after it.
    ///
    /// # Errors
    /// [`TwinError::Fit`] if the search finds no numbers.
    pub fn stage(
        &mut self,
        with: &Ingredients,
        (outputs, hidden): (bool, bool),
        steps: usize,
        progress: impl FnMut(usize, f64),
    ) -> Result<Profile, TwinError> {
        let train = &self.recording.train;
        let test = &self.recording.test;
        let mut evidence = Vec::new();
        if outputs {
            evidence.extend(self.rows.outputs.clone().map(|row| Evidence {
                inputs: train.inputs.row(row),
                hidden: None,
                outputs: Some(train.outputs.row(row)),
            }));
        }
        if let Some(times) = test.hidden.as_ref().filter(|_| hidden).map(|hidden| &hidden.times) {
            evidence.extend((0..test.n_samples()).filter(|row| row % 10 < self.rows.hidden).map(|row| Evidence {
                inputs: test.inputs.row(row),
                hidden: Some(times.row(row)),
                outputs: None,
            }));
        }
        let active = self.layout.active(with);
        let objective = Objective {
            recording: self.recording,
            layout: &self.layout,
            active: &active,
            evidence: &evidence,
            weighting: self.weighting,
        };
        levenberg::minimise(&objective, &mut self.z, steps, 1e-4, progress)?;
        Ok(self.layout.profile(&self.z, &active))
    }
}
