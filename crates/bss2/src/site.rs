//! Where a network sits: on the chip as a whole, or in several passes.

use anyhow::Context as _;
use bss2_emu::{Chip, RunId};
use ndarray::ArrayView2;
use ttfs::Error;
use ttfs::in_passes::InPasses;
use ttfs::network::{DelayKind, Network};
use ttfs::on_device::OnDevice;
use ttfs::placement::{Passes, Placement};
use ttfs::scaling::Scaling;
use ttfs::substrate::{Spikes, Substrate};

use crate::config::EngineKind;

/// A network's place.
#[derive(Debug, Clone, PartialEq)]
pub enum Site {
    /// The network fits.
    Whole(Box<Placement>),
    /// It does not.
    Divided(Passes),
}

impl Site {
    /// As few passes as it takes; one if the network fits.
    ///
    /// # Errors
    /// If the network cannot be divided either: one with delays never is.
    pub fn of(n_inputs: usize, sizes: &[usize], delays: DelayKind) -> anyhow::Result<Self> {
        match Placement::with_delays(n_inputs, sizes, delays) {
            Ok(placement) => Ok(Self::Whole(Box::new(placement))),
            Err(_) if delays == DelayKind::None => Ok(Self::Divided(Placement::partitioned(n_inputs, sizes)?)),
            Err(error) => {
                Err(error).context("a network with delays must fit on the chip in one pass, and this one does not")
            }
        }
    }

    /// The place in one pass, if it is one.
    pub fn whole(&self) -> Option<&Placement> {
        match self {
            Self::Whole(placement) => Some(placement),
            Self::Divided(_) => None,
        }
    }

    /// Passes that each batch takes.
    pub fn n_passes(&self) -> usize {
        match self {
            Self::Whole(_) => 1,
            Self::Divided(passes) => passes.passes().len(),
        }
    }

    /// Circuits that are joined to one neuron of the network.
    pub fn circuits_per_neuron(&self) -> usize {
        match self {
            Self::Whole(placement) => placement.circuits_per_neuron(),
            Self::Divided(passes) => passes.circuits_per_neuron(),
        }
    }

    /// The units of the network at this place, from those of single circuits.
    pub fn scaling(&self, of_circuits: Scaling) -> Scaling {
        match self {
            Self::Whole(placement) => placement.scaling(of_circuits),
            Self::Divided(passes) => passes.scaling(of_circuits),
        }
    }

    /// Puts the network on a chip that is set; `scaling` in the units of this place.
    ///
    /// # Errors
    /// If the chip refuses the routing.
    pub fn on(self, mut chip: Chip, scaling: Scaling, slot_us: f64, engine: EngineKind) -> Result<OnChip, Error> {
        engine.choose(&mut chip, self.circuits_per_neuron());
        Ok(match self {
            Self::Whole(placement) => OnChip::Whole(Box::new(OnDevice::new(chip, *placement, scaling, slot_us)?)),
            Self::Divided(passes) => OnChip::Divided(Box::new(InPasses::new(chip, passes, scaling, slot_us)?)),
        })
    }
}

/// In words: what one configuration of the chip holds.
impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let circuits = match self.circuits_per_neuron() {
            1 => "one circuit".to_owned(),
            n => format!("{n} circuits"),
        };
        match self.n_passes() {
            1 => write!(f, "{circuits} per neuron, in one pass"),
            n => write!(f, "{circuits} per neuron, larger than the chip: in {n} passes"),
        }
    }
}

/// A network on a chip.
#[derive(Debug)]
pub enum OnChip {
    /// In one pass.
    Whole(Box<OnDevice<Chip>>),
    /// In several.
    Divided(Box<InPasses<Chip>>),
}

impl OnChip {
    /// The network, if it is there as a whole: what can be looked at while it works.
    pub fn whole(&mut self) -> Option<&mut OnDevice<Chip>> {
        match self {
            Self::Whole(chip) => Some(chip),
            Self::Divided(_) => None,
        }
    }

    /// The chip, for another network.
    pub fn into_chip(self) -> Chip {
        match self {
            Self::Whole(chip) => chip.into_device(),
            Self::Divided(chip) => chip.into_device(),
        }
    }

    /// Trials run so far, those of every pass counted.
    pub fn trials(&self) -> u64 {
        match self {
            Self::Whole(chip) => chip.trials(),
            Self::Divided(chip) => chip.trials(),
        }
    }
}

impl Substrate for OnChip {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        match self {
            Self::Whole(chip) => chip.forward(network, inputs, run),
            Self::Divided(chip) => chip.forward(network, inputs, run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_divided_only_if_it_must_be() {
        let of = |n, sizes: &[usize], delays| Site::of(n, sizes, delays);
        let small = of(25, &[120, 3], DelayKind::None).unwrap();
        assert_eq!((small.n_passes(), small.to_string().as_str()), (1, "one circuit per neuron, in one pass"));
        let large = of(784, &[350, 10], DelayKind::None).unwrap();
        assert_eq!(large.to_string(), "7 circuits per neuron, larger than the chip: in 6 passes");
        let error = format!("{:#}", of(784, &[350, 10], DelayKind::Axonal).unwrap_err());
        assert!(error.contains("a network with delays must fit"), "{error}");
    }
}
