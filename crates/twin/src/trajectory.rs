//! Other weights: what a twin says about the epochs of a training that it was not fitted on.

use serde::{Deserialize, Serialize};

use crate::TwinError;
use crate::profile::Profile;
use crate::recording::{Recording, Trajectory, truncated_codes};
use crate::score::{decisions, rms, spikes};

/// Epochs of the published comparison.
pub const EPOCHS: [usize; 7] = [20, 50, 100, 150, 200, 250, 300];

/// What a model says about one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochScore {
    /// The epoch.
    pub epoch: usize,
    /// Accuracy of the chip on the validation samples.
    pub chip: f64,
    /// That of the model.
    pub model: f64,
    /// Root of the mean squared difference of mean output times by class.
    pub class_means: f64,
}

/// Runs the validation samples with the weights of some epochs, as codes written like the recorded ones.
///
/// # Errors
/// [`TwinError::Missing`] without a trajectory; [`TwinError::Rows`] for epochs that it does not have.
pub fn other_epochs(recording: &Recording, profile: &Profile, epochs: &[usize]) -> Result<Vec<EpochScore>, TwinError> {
    let missing = TwinError::Missing { missing: "trajectory (traj_w1, ...)", needed_for: "the score at other weights" };
    let trajectory = recording.trajectory.as_ref().ok_or(missing)?;
    epochs.iter().map(|&epoch| at(recording, trajectory, profile, epoch)).collect()
}

fn at(
    recording: &Recording,
    trajectory: &Trajectory,
    profile: &Profile,
    epoch: usize,
) -> Result<EpochScore, TwinError> {
    let n_rows = trajectory.accuracy.len();
    if epoch >= n_rows {
        return Err(TwinError::Rows { what: "epochs", first: epoch, end: epoch + 1, n_rows });
    }
    let units = &recording.units;
    let weights = [&trajectory.w1, &trajectory.w2].map(|w| {
        let floats = w.index_axis(ndarray::Axis(0), epoch).mapv(f64::from);
        units.weights(&truncated_codes(&floats, units.lsb_per_weight))
    });
    let [_, outputs] = spikes(recording, &weights, profile, trajectory.inputs.view());
    let right = decisions(outputs.view()).iter().zip(&trajectory.labels).filter(|(c, l)| **c == Some(**l)).count();
    let (n_classes, _, n_outputs) = trajectory.class_means.dim();
    let mut errors = Vec::new();
    for class in 0..n_classes {
        for k in 0..n_outputs {
            let of_class = outputs.column(k).into_iter().zip(&trajectory.labels);
            let times: Vec<f64> = of_class.filter(|(t, l)| **l == class && t.is_finite()).map(|(t, _)| *t).collect();
            let chip = trajectory.class_means[[class, epoch, k]];
            if !times.is_empty() && chip.is_finite() {
                errors.push(times.iter().sum::<f64>() / times.len() as f64 - chip);
            }
        }
    }
    Ok(EpochScore {
        epoch,
        chip: trajectory.accuracy[epoch],
        model: right as f64 / trajectory.labels.len().max(1) as f64,
        class_means: rms(&errors),
    })
}
