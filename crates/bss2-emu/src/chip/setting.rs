//! Setting the neurons of a chip: from codes through its transfer functions, or directly, as far as a calibration gets there.

use super::Chip;
use crate::capmem;
use crate::codes::{NEURONS, NeuronId};
use crate::device::DeviceError;
use crate::failures::NeuronFailure;
use crate::parameters::{CodeTable, NeuronParameters, NeuronSetting};
use crate::residual::NeuronResidual;
use crate::spec::ParameterSource;
use crate::transfer::{self, CadcChannel, Effective, effective};

impl Chip {
    /// Sets all neurons.
    ///
    /// # Errors
    /// If the setting has the wrong size, makes no sense, or is not of the kind that this chip takes.
    pub(super) fn set(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        let length = |what, found| {
            if found == NEURONS { Ok(()) } else { Err(DeviceError::WrongLength { what, found, expected: NEURONS }) }
        };
        match setting {
            NeuronSetting::Codes(table) => {
                length("neuron codes", table.neurons.len())?;
                length("CADC offsets", table.cadc_offset.len())?;
                if self.spec.parameters == ParameterSource::Direct {
                    return Err(DeviceError::Unsupported(
                        "this emulated chip is set directly (parameters = \"direct\"); codes mean nothing to it",
                    ));
                }
                self.set_codes(table);
                Ok(())
            }
            NeuronSetting::Direct(parameters) => {
                length("neuron parameters", parameters.len())?;
                self.set_directly(parameters)
            }
        }
    }

    /// Writes codes.
    pub(super) fn set_codes(&mut self, table: &CodeTable) {
        let cells = capmem::written(self.spec.seed, self.spec.variation.capmem_write_codes_std, &table.neurons);
        let ramps = transfer::cadc::ramps(table, &self.deviations);
        let neurons = NeuronId::all()
            .map(|id| {
                let (n, q) = (id.index(), id.quadrant());
                let bias = table.synapse_dac_bias[q];
                let neuron = effective(&table.neurons[n], &cells[n], bias, &self.deviations.neurons[n]);
                let offset_lsb = neuron.cadc.offset_lsb + ramps[q].offset_lsb;
                Effective { cadc: CadcChannel { offset_lsb, ..ramps[q] }, ..neuron }
            })
            .collect();
        self.cadc_correction.clone_from(&table.cadc_offset);
        self.set_neurons(neurons);
    }

    /// Takes the neurons as they were set, drifted and failed.
    fn set_neurons(&mut self, neurons: Vec<Effective>) {
        let (drift, seed) = (&self.spec.drift, self.spec.seed);
        let as_they_are = |((id, failure), neuron): ((NeuronId, &NeuronFailure), Effective)| {
            let parameters = drift.of(seed, id).applied_to(&neuron.parameters);
            failure.applied_to(Effective { parameters, ..neuron })
        };
        self.effective = NeuronId::all().zip(&self.deviations.failures).zip(neurons).map(as_they_are).collect();
        self.neurons_are_stale = true;
    }

    fn set_directly(&mut self, parameters: &[NeuronParameters]) -> Result<(), DeviceError> {
        if self.spec.parameters == ParameterSource::Codes {
            return Err(DeviceError::Unsupported(
                "this chip is set by codes; parameters can be set directly on an emulated chip with parameters = \"direct\"",
            ));
        }
        for (neuron, p) in parameters.iter().enumerate() {
            check_parameters(neuron, p)?;
        }
        self.cadc_correction = vec![0; NEURONS];
        let missed = |(p, residual): (&NeuronParameters, NeuronResidual)| Effective {
            parameters: residual.applied_to(p),
            current: p.terms.offset_current,
            fires: true,
            capacitance: 1.0,
            cadc: CadcChannel::with_offset(residual.cadc_offset_lsb),
        };
        let neurons = parameters.iter().zip(self.residuals(parameters)).map(missed).collect();
        self.set_neurons(neurons);
        Ok(())
    }

    /// How far neurons that are set to these parameters are from them.
    fn residuals(&self, parameters: &[NeuronParameters]) -> Vec<NeuronResidual> {
        if let Some(table) = &self.residuals {
            return table.neurons().to_vec();
        }
        let drawn = |(neuron, p): (NeuronId, &NeuronParameters)| {
            self.spec.residual.draw(self.spec.seed, neuron, p.v_threshold_lsb - p.v_leak_lsb)
        };
        NeuronId::all().zip(parameters).map(drawn).collect()
    }
}

fn check_parameters(neuron: usize, p: &NeuronParameters) -> Result<(), DeviceError> {
    let refuse = |parameter, value, expected| Err(DeviceError::Parameter { neuron, parameter, value, expected });
    for (name, value) in
        [("tau_mem_us", p.tau_mem_us), ("tau_syn_exc_us", p.tau_syn_exc_us), ("tau_syn_inh_us", p.tau_syn_inh_us)]
    {
        if !(value > 0.0 && value.is_finite()) {
            return refuse(name, value, "a positive time");
        }
    }
    for (name, value) in
        [("v_leak_lsb", p.v_leak_lsb), ("v_reset_lsb", p.v_reset_lsb), ("v_threshold_lsb", p.v_threshold_lsb)]
    {
        if !value.is_finite() {
            return refuse(name, value, "a potential");
        }
    }
    check_terms(neuron, p)?;
    for (name, value) in [("gain_exc", p.gain_exc), ("gain_inh", p.gain_inh), ("refractory_us", p.refractory_us)] {
        if !(value >= 0.0 && value.is_finite()) {
            return refuse(name, value, "zero or a positive number");
        }
    }
    Ok(())
}

fn check_terms(neuron: usize, p: &NeuronParameters) -> Result<(), DeviceError> {
    let require = |allowed: bool, parameter, value, expected| {
        if allowed { Ok(()) } else { Err(DeviceError::Parameter { neuron, parameter, value, expected }) }
    };
    let terms = &p.terms;
    let current = terms.offset_current;
    require(current.is_finite(), "terms.offset_current", current, "a current")?;
    let within = (0.0..=p.refractory_us).contains(&terms.holdoff_us);
    require(within, "terms.holdoff_us", terms.holdoff_us, "a time from 0 to the refractory time")?;
    if let Some(e) = &terms.exponential {
        let positive = e.slope_lsb > 0.0 && e.slope_lsb.is_finite();
        require(positive, "terms.exponential.slope_lsb", e.slope_lsb, "a positive potential")?;
        require(e.v_exp_lsb.is_finite(), "terms.exponential.v_exp_lsb", e.v_exp_lsb, "a potential")?;
    }
    if let Some(w) = &terms.adaptation {
        let positive = w.tau_us > 0.0 && w.tau_us.is_finite();
        require(positive, "terms.adaptation.tau_us", w.tau_us, "a positive time")?;
        let stable = w.a_per_us > -1.0 / p.tau_mem_us && w.a_per_us.is_finite();
        require(stable, "terms.adaptation.a_per_us", w.a_per_us, "a number above -1 / tau_mem_us")?;
        require(w.b_lsb_per_us.is_finite(), "terms.adaptation.b_lsb_per_us", w.b_lsb_per_us, "a current")?;
        require(w.v_ref_lsb.is_finite(), "terms.adaptation.v_ref_lsb", w.v_ref_lsb, "a potential")?;
    }
    for (parameter, e_rev, expected, sign) in [
        ("terms.reversal_exc_lsb", terms.reversal_exc_lsb, "a potential above v_leak_lsb", 1.0),
        ("terms.reversal_inh_lsb", terms.reversal_inh_lsb, "a potential below v_leak_lsb", -1.0),
    ] {
        if let Some(e_rev) = e_rev {
            require(sign * (e_rev - p.v_leak_lsb) > 0.0 && e_rev.is_finite(), parameter, e_rev, expected)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Adaptation, Exponential, Terms};
    use crate::spec::{ChipSpec, Preset};

    #[test]
    fn terms_that_make_no_sense_are_refused_by_name() {
        let mut chip = Chip::draw(&ChipSpec::new(Preset::Ideal, 1));
        let mut refused = |terms: Terms| {
            let mut neurons = vec![NeuronParameters::default(); NEURONS];
            neurons[9].terms = terms;
            chip.set(&NeuronSetting::Direct(neurons)).map_err(|e| e.to_string())
        };
        assert_eq!(refused(Terms::default()), Ok(()));
        let error = refused(Terms { offset_current: f64::NAN, ..Terms::default() }).unwrap_err();
        assert_eq!(error, "neuron 9: terms.offset_current = NaN is not a current");
        let exponential = Some(Exponential { slope_lsb: 0.0, v_exp_lsb: 140.0 });
        assert!(refused(Terms { exponential, ..Terms::default() }).unwrap_err().contains("slope_lsb = 0 is not"));
        let adaptation = Some(Adaptation { tau_us: 100.0, a_per_us: -1.0, b_lsb_per_us: 1.0, v_ref_lsb: 80.0 });
        assert!(refused(Terms { adaptation, ..Terms::default() }).unwrap_err().contains("a_per_us = -1 is not"));
        let error = refused(Terms { reversal_inh_lsb: Some(90.0), ..Terms::default() }).unwrap_err();
        assert_eq!(error, "neuron 9: terms.reversal_inh_lsb = 90 is not a potential below v_leak_lsb");
        assert!(refused(Terms { holdoff_us: 17.0, ..Terms::default() }).unwrap_err().contains("holdoff_us = 17"));
    }
}
