//! Single-neuron experiments: what a laboratory does to see whether a chip is a chip.
//!
//! Each module is one experiment on any [`Device`](bss2_emu::Device): settings (the default is the published procedure), a function
//! `measure`, and an outcome with the raw data. Those that were published for silicon compare themselves with the published
//! range: `Outcome::findings` gives each number beside its [`Band`].
//!
//! | experiment | what was published for silicon |
//! |---|---|
//! | [`limits`] | CADC reads minus 128 at rest -45 +- 9, at the limits +100 +- 20 and -103 +- 20 |
//! | [`weight_scale`] | the weight of the software model's weight 1: 50 +- 10 |
//! | [`homeostasis`] | weights for 6 kHz under a 120 kHz source: 24 +- 4, standard deviation 2-3 |
//! | [`dynamic_range`] | excitation linear to a total weight of 288, inhibition flattening |
//! | [`leak_over_threshold`] | 90 % of the neurons within -10 and +15 % of 100 kHz, each side |
//! | [`psp_repeatability`] | ten PSPs within 0.05 of (threshold - leak) |
//! | [`inter_spike_interval`] | a refractory code for 10 us to 1 us |
//! | [`background`] | counts of a Poisson generator within 5 sqrt(n), two targets within 2 % |
//! | [`rate_curve`], [`membrane_trace`], [`code_sweep`] | shapes, for the eye |
//!
//! (The refractory counter, 2 us as counter 32 at scale 3, is computed, not measured: [`bss2_emu::Refractory::for_time`].)
//!
//! A chip is calibrated to the experiment's `operating_point` first; on an emulated chip that is set directly, that is one line:
//! ```
//! use bss2_emu::{Chip, ChipSpec, NeuronSetting, spec::Preset};
//! use probes::{Bench, limits};
//!
//! let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
//! let calibrated = NeuronSetting::Direct(vec![limits::operating_point().parameters(); 512]);
//! let mut bench = Bench::new(&mut chip, calibrated);
//! let outcome = limits::measure(&mut bench, &limits::Settings { trials: 1, ..Default::default() })?;
//! let rest = outcome.findings()[0];
//! assert_eq!((rest.band.name, rest.value), ("rest", -48.0));
//! assert!(rest.is_inside());
//! # Ok::<(), probes::ProbeError>(())
//! ```

pub mod background;
pub mod code_sweep;
pub mod dynamic_range;
pub mod homeostasis;
pub mod inter_spike_interval;
pub mod leak_over_threshold;
pub mod limits;
pub mod membrane_trace;
pub mod psp_repeatability;
pub mod rate_curve;
pub mod statistics;
pub mod weight_scale;

mod band;
mod bench;
mod error;
mod operating_point;
mod stimulus;

pub use band::{Band, Finding};
pub use bench::{Adjustment, Bench, CADC_INTERVAL_US, CURRENT_PER_CODE};
pub use error::ProbeError;
pub use operating_point::OperatingPoint;
