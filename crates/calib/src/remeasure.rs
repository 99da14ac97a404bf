//! What a chip measures with the codes of a table that was found before.

use bss2_emu::codes::NEURONS;
use bss2_emu::{Device, NeuronParameters};

use crate::error::CalibError;
use crate::instruments::{Bench, largest};
use crate::procedure::{Seen, complete};
use crate::stimulus::Sign;
use crate::table::Calibration;
use crate::targets::Targets;
use crate::{cadc, leak, membrane_tau, reset, synaptic_gain, synaptic_tau, threshold};

/// Measures all neurons with the codes of a table, as the last step of a calibration does; nothing is searched.
///
/// Also returns whether each neuron could be measured. Afterwards the device is configured with the table's codes.
///
/// # Errors
/// [`CalibError::NoCodes`] for a table without codes; if the device refuses, or most neurons show nothing.
pub fn remeasure<D: Device>(
    device: &mut D,
    table: &Calibration,
) -> Result<(Vec<NeuronParameters>, Vec<bool>), CalibError> {
    let codes = table.codes.as_ref().ok_or(CalibError::NoCodes)?;
    let targets = &table.targets;
    let mut bench = Bench::new(device, codes.clone())?.for_evaluation();
    let bench = &mut bench;
    // The channels are seen without their correction; what the table's correction leaves follows.
    cadc::refresh(bench)?;
    for n in 0..NEURONS {
        let (fresh, stored) = (bench.codes.cadc_offset[n], codes.cadc_offset[n]);
        bench.cadc_remainder[n] += f64::from(stored) - f64::from(fresh);
    }
    bench.codes.cadc_offset.clone_from(&codes.cadc_offset);

    let of = |field: fn(&Targets) -> f64| table.per_neuron.all(targets, field);
    let (tau_mem, tau_exc, tau_inh) = (of(|t| t.tau_mem_us), of(|t| t.tau_syn_exc_us), of(|t| t.tau_syn_inh_us));
    let (exc_us, inh_us) = (largest(&tau_exc), largest(&tau_inh));
    let burst_exc = synaptic_tau::choose_burst(bench, Sign::Excitatory, exc_us)?;
    let exc = synaptic_tau::measure(bench, Sign::Excitatory, burst_exc, exc_us)?;
    let burst_inh = synaptic_tau::choose_burst(bench, Sign::Inhibitory, inh_us)?;
    let inh = synaptic_tau::measure(bench, Sign::Inhibitory, burst_inh, inh_us)?;
    let mem = membrane_tau::measure(bench, largest(&tau_mem))?;
    let Seen { taus, is_seen } = Seen::new([&tau_mem, &tau_exc, &tau_inh], [mem, exc, inh]);
    let lowest_leak = of(|t| t.leak_lsb).into_iter().fold(f64::INFINITY, f64::min);
    let burst = synaptic_gain::final_burst(bench, lowest_leak, &taus)?;
    let gain_exc = synaptic_gain::measure(bench, Sign::Excitatory, burst, &taus)?;
    let gain_inh = synaptic_gain::measure(bench, Sign::Inhibitory, burst, &taus)?;
    let leak = leak::measure(bench)?;
    let reset = reset::measure(bench, 16)?;
    let current = threshold::choose_current(bench)?;
    let threshold = threshold::measure(bench, current, threshold::FINAL)?;
    bench.finish()?;

    let measured = (0..NEURONS).map(|n| {
        let seen = NeuronParameters {
            v_leak_lsb: leak[n],
            v_reset_lsb: reset[n],
            v_threshold_lsb: threshold[n],
            gain_exc: gain_exc[n],
            gain_inh: gain_inh[n],
            tau_mem_us: taus.mem[n],
            tau_syn_exc_us: taus.exc[n],
            tau_syn_inh_us: taus.inh[n],
            ..table.measured[n]
        };
        let (neuron, is_whole) = complete(seen, table.measured[n]);
        (neuron, is_whole && is_seen[n])
    });
    Ok(measured.unzip())
}
