//! What was recorded of a chip: inputs, the codes written, the spikes measured.

mod codes;
mod reading;
mod units;
mod writing;

use ndarray::{Array1, Array2, Array3};
use ttfs::scaling::{Latency, Scaling};

pub use codes::truncated_codes;
pub use units::Units;

use crate::TwinError;

/// Samples and what the chip did with them.
///
/// Times are in units of model time, `+inf` where there was no spike.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Input spike times `(n_samples, n_inputs)`, without the network's delays.
    pub inputs: Array2<f64>,
    /// First spikes of the outputs `(n_samples, n_outputs)`.
    pub outputs: Array2<f64>,
    /// Class of each sample; none if the file has none.
    pub labels: Option<Vec<usize>>,
    /// First spikes of the hidden neurons, if they were measured.
    pub hidden: Option<Hidden>,
}

/// Hidden spikes `(n_samples, n_hidden)`, as far as they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Hidden {
    /// Times; `NaN` where nothing is known, `+inf` where the neuron is known to have been silent.
    pub times: Array2<f64>,
}

/// What training left behind: the weights after each epoch, and what the chip did with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Weights of the first layer `(n_epochs, n_inputs, n_hidden)`; epoch 0 is untrained.
    pub w1: Array3<f32>,
    /// Weights of the second layer `(n_epochs, n_hidden, n_outputs)`.
    pub w2: Array3<f32>,
    /// Accuracy of the chip on the validation samples `(n_epochs)`.
    pub accuracy: Array1<f64>,
    /// Mean output times by true class `(n_classes, n_epochs, n_outputs)`, silent outputs left out.
    pub class_means: Array3<f64>,
    /// Validation inputs `(n_samples, n_inputs)`.
    pub inputs: Array2<f64>,
    /// Validation classes.
    pub labels: Vec<usize>,
}

/// A recording of a network with one hidden layer on a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What a number means.
    pub units: Units,
    /// Signed codes written: `(n_inputs, n_hidden)` and `(n_hidden, n_outputs)`.
    pub codes: [Array2<i8>; 2],
    /// Target delays of the inputs and of the hidden neurons, in model time, if the network has delays.
    pub delays: Option<[Array1<f64>; 2]>,
    /// Samples to fit on and to hold out.
    pub train: Part,
    /// Samples that no fit looks at but for their hidden spikes.
    pub test: Part,
    /// Weights of other epochs.
    pub trajectory: Option<Trajectory>,
    /// Training samples of one hardware run, which follow each other; none if nothing is known of runs.
    pub rows_per_run: Option<usize>,
    /// The complete description of the file (JSON).
    pub meta: String,
}

impl Recording {
    /// Inputs, hidden neurons, outputs.
    pub fn sizes(&self) -> [usize; 3] {
        [self.codes[0].nrows(), self.codes[0].ncols(), self.codes[1].ncols()]
    }

    /// Weights in units of weight, as the codes that were written.
    pub fn weights(&self) -> [Array2<f64>; 2] {
        [0, 1].map(|layer| self.units.weights(&self.codes[layer]))
    }

    /// The bridge to the chip, without latencies.
    pub fn scaling(&self) -> Scaling {
        Scaling {
            us_per_time: self.units.us_per_time,
            lsb_per_weight: self.units.lsb_per_weight,
            threshold: self.units.threshold,
            tau_mem: 1.0,
            latency: Latency::default(),
        }
    }
}

impl Part {
    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.inputs.nrows()
    }

    /// Refuses rows that are not there.
    ///
    /// # Errors
    /// [`TwinError::Rows`].
    pub fn check_rows(&self, what: &'static str, rows: &std::ops::Range<usize>) -> Result<(), TwinError> {
        let n_rows = self.n_samples();
        if rows.start < rows.end && rows.end <= n_rows {
            return Ok(());
        }
        Err(TwinError::Rows { what, first: rows.start, end: rows.end, n_rows })
    }
}
