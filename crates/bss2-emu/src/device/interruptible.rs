//! A device that can be told to stop between two runs.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Batch, ChipIdentity, Device, DeviceError, Experiment, FirstSpikes, Recording, RowWrite};
use crate::parameters::NeuronSetting;
use crate::routing::Routing;

/// A device that refuses further runs once `stop` is set: whatever uses it, a calibration of many runs say, ends with
/// [`DeviceError::Interrupted`]. A run that has begun is finished.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use bss2_emu::device::Interruptible;
/// use bss2_emu::{Chip, ChipSpec, Device, DeviceError, Experiment, Record, RunId, spec::Preset};
///
/// let stop = AtomicBool::new(false);
/// let mut device = Interruptible::new(Chip::draw(&ChipSpec::new(Preset::Ideal, 1)), &stop);
/// let run = RunId { session: 0, index: 0 };
/// let nothing = Experiment { run, duration_us: 1.0, trials: Vec::new(), record: Record::default() };
/// assert!(device.run(&nothing).is_ok());
/// stop.store(true, Ordering::SeqCst);
/// assert_eq!(device.run(&nothing), Err(DeviceError::Interrupted));
/// ```
#[derive(Debug)]
pub struct Interruptible<'a, D> {
    device: D,
    stop: &'a AtomicBool,
}

impl<'a, D: Device> Interruptible<'a, D> {
    /// Watches `stop`.
    pub fn new(device: D, stop: &'a AtomicBool) -> Self {
        Self { device, stop }
    }

    fn unless_stopped(&mut self) -> Result<&mut D, DeviceError> {
        if self.stop.load(Ordering::SeqCst) { Err(DeviceError::Interrupted) } else { Ok(&mut self.device) }
    }
}

impl<D: Device> Device for Interruptible<'_, D> {
    fn identity(&self) -> &ChipIdentity {
        self.device.identity()
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        self.device.configure(setting)
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        self.device.connect(routing)
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        self.device.write_weights(rows)
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        self.unless_stopped()?.run(experiment)
    }

    fn first_spikes(&mut self, batch: &Batch<'_>, out: &mut FirstSpikes) -> Result<(), DeviceError> {
        self.unless_stopped()?.first_spikes(batch, out)
    }
}
