//! Calibration of a BrainScaleS-2 chip by measurement.
//!
//! [`calibrate`] finds the codes that bring all 512 neurons to common [`Targets`], through nothing but the
//! [`Device`](bss2_emu::Device) trait: it configures, stimulates, reads, and knows of the chip what a laboratory knows - in which direction a
//! code acts, its range, a usual value to start from. The result, a [`Calibration`], holds the codes and
//! what each neuron measured after the last step; it is kept in files of four formats ([`FileFormat`]).
//!
//! ```no_run
//! use bss2_emu::{Chip, ChipSpec, spec::Preset};
//! use calib::{Targets, calibrate};
//!
//! let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2, 1));
//! let table = calibrate(&mut chip, &Targets::default(), &mut |step| {
//!     eprintln!("{}/{} {}", step.index, step.of, step.name);
//! })?;
//! table.save("chip.json")?;
//! # Ok::<(), calib::CalibError>(())
//! ```
//!
//! One module per routine; each says what is observed, what is searched, within which range, what it costs, and what can go
//! wrong. [`calibrate_with_costs`] returns with the table what each routine took: measurements, trials, time on the chip, time
//! on the clock. [`evaluate`] measures a calibrated chip beside the same chip at common codes.
//!
//! The order is that of `calix`, the calibration of the real chip. Where the neurons are compared in their synaptic strengths, they are
//! *prepared*: fast synapses, slow membranes, a leak in the middle of the range; what they shall have in the end comes after that.
//!
//! | | routine | needs |
//! |---|---|---|
//! | 0 | refractory counter | computed |
//! | 1 | CADC ramps and offsets | |
//! | 2 | synaptic time constants of the targets | |
//! | 3 | preparation: membranes of 60 us, leak 120, synapses of 1.5 us | CADC, 2 |
//! | 4 | synaptic references | 3 |
//! | 5 | synapse DAC bias of the quadrants | 4 |
//! | 6 | synaptic strengths | 5 |
//! | 7 | references again | 6 |
//! | 8 | membrane time constant; synaptic codes of 2 again | |
//! | 9 | leak, inputs disconnected | 8 |
//! | 10 | reset | |
//! | 11 | threshold | |
//! | 12 | refinement: CADC offsets, threshold, reset, leak with the inputs connected | all |
//! | 13 | final measurement | all |
//!
//! Unlike `calix` this sets the DAC bias with references found already (an input with an offset current reads differently), and
//! searches by a safeguarded secant, 3 to 5 measurements where a binary search takes 13; the threshold is extrapolated to the
//! spike rather than taken as the largest sample of a saw-tooth.
//!
//! Writing a row of cells disturbs it (by some 4 codes on an emulated chip), and synapses through which strengths are compared are
//! not those that are used. That stays when the best codes are found: see the book's chapter on calibration for how much.
//!
//! [`Device`]: bss2_emu::Device

mod cadc;
mod cost;
mod error;
mod evaluation;
mod files;
mod fit;
mod instruments;
mod leak;
mod membrane_tau;
mod per_neuron;
mod plausible;
mod procedure;
mod remeasure;
mod reset;
mod search;
mod stimulus;
mod synaptic_gain;
mod synaptic_reference;
mod synaptic_tau;
mod table;
mod table_check;
mod targets;
mod threshold;
mod uncalibrated;

pub use cost::{Cost, Step};
pub use error::CalibError;
pub use evaluation::{Check, Evaluation, Quantity, evaluate};
pub use files::{FileFormat, Values};
pub use per_neuron::PerNeuron;
pub use procedure::{Calibrated, calibrate, calibrate_each, calibrate_with_costs};
pub use remeasure::remeasure;
pub use table::{Calibration, FORMAT};
pub use targets::Targets;
pub use uncalibrated::Uncalibrated;
