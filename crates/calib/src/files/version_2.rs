//! Version 2 of the content of a binary file: version 1, targets by neuron, what was measured without a calibration. Frozen: a change of
//! what a calibration holds makes a version 3 beside it.

use serde::{Deserialize, Serialize};

use super::version_1;
use crate::per_neuron::PerNeuron;
use crate::table::Calibration;
use crate::uncalibrated::Uncalibrated;

/// The whole content.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    first: version_1::Payload,
    /// Leak, reset, threshold in CADC LSB, `tau_mem`, `tau_syn` excitatory, inhibitory in us; empty: the common target.
    per_neuron: [Vec<f64>; 6],
    /// Leak, reset, threshold, `tau_mem`, `tau_syn` excitatory, inhibitory, offset of the CADC channel.
    uncalibrated: Option<[Vec<Option<f64>>; 7]>,
}

impl Payload {
    pub fn of(table: &Calibration) -> Self {
        Self {
            first: version_1::Payload::of(table),
            per_neuron: table.per_neuron.lists().map(|(_, list)| list.to_vec()),
            uncalibrated: table.uncalibrated.as_ref().map(|u| u.lists().map(|(_, list)| list.to_vec())),
        }
    }

    /// The calibration, or the value that no register holds, with its place.
    pub fn thaw(self) -> Result<Calibration, String> {
        let [leak_lsb, reset_lsb, threshold_lsb, tau_mem_us, tau_syn_exc_us, tau_syn_inh_us] = self.per_neuron;
        let uncalibrated = |[v_leak, v_reset, v_threshold, tau_mem, tau_syn_exc, tau_syn_inh, cadc_offset]: [_; 7]| {
            Uncalibrated { v_leak, v_reset, v_threshold, tau_mem, tau_syn_exc, tau_syn_inh, cadc_offset }
        };
        Ok(Calibration {
            per_neuron: PerNeuron { leak_lsb, reset_lsb, threshold_lsb, tau_mem_us, tau_syn_exc_us, tau_syn_inh_us },
            uncalibrated: self.uncalibrated.map(uncalibrated),
            ..self.first.thaw()?
        })
    }
}
