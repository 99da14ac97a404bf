//! What of a chip a network takes, and what there is.

use std::collections::BTreeSet;

use bss2_emu::Hemisphere;
use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS, NEURONS, ROWS};
use bss2_emu::routing::{Routing, RowMode};
use calib::Targets;
use serde::Serialize;
use ttfs::placement::Placement;

/// Labels that tell sources apart: one of 64 belongs to the synapses that nobody uses.
const LABELS: usize = 63;
/// Shortest distance of two events of a driver, in us.
const EVENT_US: f64 = 0.008;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resource {
    /// What it is.
    pub name: &'static str,
    /// How much of it the network takes; in several passes, the pass that takes most.
    pub used: f64,
    /// How much there is; for a range its upper end.
    pub available: f64,
    /// Lower end of what is allowed.
    pub least: f64,
    /// Unit; empty: a number of things.
    pub unit: &'static str,
}

impl Resource {
    fn count(name: &'static str, used: usize, available: usize) -> Self {
        Self { name, used: used as f64, available: available as f64, least: 0.0, unit: "" }
    }

    /// Whether there is enough of it.
    pub fn fits(&self) -> bool {
        (self.least..=self.available).contains(&self.used)
    }
}

/// What the passes of a network take; `fan_in`: most sources of a neuron, signed inputs of all its circuits.
///
/// Each number is that of the pass that takes most.
pub fn of_placements(placements: &[&Placement], fan_in: usize, slot_us: f64) -> Vec<Resource> {
    let most = |count: &dyn Fn(&Placement) -> usize| placements.iter().map(|p| count(p)).max().unwrap_or(0);
    let circuits = placements.first().map_or(1, |p| p.circuits_per_neuron());
    let rows = |h: Hemisphere| {
        most(&|p: &Placement| p.routing.row_modes[h.index()].iter().filter(|mode| **mode != RowMode::Disabled).count())
    };
    let columns = |h: Hemisphere| most(&|p: &Placement| columns(&p.routing, h));
    let neurons = most(&|p: &Placement| p.neurons.iter().map(Vec::len).sum());
    vec![
        Resource::count("sources of a neuron", fan_in, circuits * DRIVERS),
        Resource::count("neurons", neurons, NEURONS / circuits),
        Resource::count("neuron circuits", most(&|p: &Placement| circuits_of(p)), NEURONS),
        Resource::count("synapse rows, top", rows(Hemisphere::Top), ROWS),
        Resource::count("synapse rows, bottom", rows(Hemisphere::Bottom), ROWS),
        Resource::count("synapse columns, top", columns(Hemisphere::Top), COLUMNS),
        Resource::count("synapse columns, bottom", columns(Hemisphere::Bottom), COLUMNS),
        Resource::count("labels of a driver", most(&|p: &Placement| per_driver(&p.routing, labels)), LABELS),
        Resource::count(
            "events of a driver in a sample",
            most(&|p: &Placement| per_driver(&p.routing, events)),
            (slot_us / EVENT_US) as usize,
        ),
    ]
}

/// What the calibration is asked for, and the ranges in which `calix` takes it as feasible.
pub fn of_targets(targets: &Targets) -> Vec<Resource> {
    let rows: [(&'static str, f64, &'static str); 10] = [
        ("leak_lsb", targets.leak_lsb, "CADC LSB"),
        ("reset_lsb", targets.reset_lsb, "CADC LSB"),
        ("threshold_lsb", targets.threshold_lsb, "CADC LSB"),
        ("tau_mem_us", targets.tau_mem_us, "us"),
        ("tau_syn_exc_us", targets.tau_syn_exc_us, "us"),
        ("tau_syn_inh_us", targets.tau_syn_inh_us, "us"),
        ("i_synin_gm", targets.i_synin_gm.into(), "code"),
        ("synapse_dac_bias", targets.synapse_dac_bias.into(), "code"),
        ("membrane_capacitance", targets.membrane_capacitance.into(), "code"),
        ("refractory_time_us", targets.refractory_time_us, "us"),
    ];
    let of = |(name, used, unit): (&'static str, f64, &'static str)| {
        let range = Targets::feasible(name)?;
        Some(Resource { name, used, available: *range.end(), least: *range.start(), unit })
    };
    rows.into_iter().filter_map(of).collect()
}

fn circuits_of(placement: &Placement) -> usize {
    let neurons: usize = placement.neurons.iter().map(Vec::len).sum();
    neurons * placement.circuits_per_neuron() + 2 * placement.relays.len()
}

/// Columns of a hemisphere with a synapse that answers to a label.
fn columns(routing: &Routing, hemisphere: Hemisphere) -> usize {
    let labels = &routing.labels[hemisphere.index()];
    (0..COLUMNS).filter(|column| (0..ROWS).any(|row| labels[row * COLUMNS + column].get() != 0)).count()
}

/// The most of something that any driver has.
fn per_driver(routing: &Routing, count: fn(&Routing, Hemisphere, usize) -> usize) -> usize {
    let each = Hemisphere::BOTH.into_iter().flat_map(|h| (0..DRIVERS).map(move |driver| (h, driver)));
    each.map(|(h, driver)| count(routing, h, driver)).max().unwrap_or(0)
}

fn labels(routing: &Routing, hemisphere: Hemisphere, driver: usize) -> usize {
    let rows = &routing.labels[hemisphere.index()][2 * driver * COLUMNS..(2 * driver + 2) * COLUMNS];
    rows.iter().map(|label| label.get()).filter(|label| *label != 0).collect::<BTreeSet<_>>().len()
}

/// Sources whose events a driver passes on to its synapses: each spikes once in a sample, as a rule.
fn events(routing: &Routing, hemisphere: Hemisphere, driver: usize) -> usize {
    let mask = routing.driver_masks[hemisphere.index()][driver];
    let accepts =
        |bus: usize, row_select: u8| bus == driver % BUSES && (row_select ^ (driver / BUSES) as u8) & mask == 0;
    if routing.row_modes[hemisphere.index()][2 * driver] == RowMode::Disabled {
        return 0;
    }
    let inputs = routing.inputs.iter().map(|channel| channel.address);
    let neurons = bss2_emu::NeuronId::all().flat_map(|neuron| routing.neuron_events(neuron).collect::<Vec<_>>());
    inputs.chain(neurons).filter(|a| a.hemisphere == hemisphere && accepts(a.bus, a.row_select)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(table: &[Resource], name: &str) -> f64 {
        table.iter().find(|r| r.name == name).unwrap().used
    }

    #[test]
    fn a_small_network_takes_what_it_must() {
        let placement = Placement::new(25, &[120, 3]).unwrap();
        let table = of_placements(&[&placement], 120, 60.0);
        assert!(table.iter().all(Resource::fits));
        assert_eq!(used(&table, "synapse rows, top"), 50.0);
        assert_eq!(used(&table, "synapse rows, bottom"), 240.0);
        assert_eq!(used(&table, "synapse columns, top"), 120.0);
        assert_eq!(used(&table, "synapse columns, bottom"), 3.0);
        assert_eq!(used(&table, "neuron circuits"), 123.0);
        // A driver of the lower half sees all hidden neurons of its bus, and one of the upper half its own input.
        assert_eq!(used(&table, "events of a driver in a sample"), 32.0);
        assert_eq!(used(&table, "labels of a driver"), 1.0);
    }

    #[test]
    fn several_passes_are_judged_by_the_fullest() {
        let passes = Placement::partitioned(784, &[350, 10]).unwrap();
        let all: Vec<&Placement> = passes.passes().iter().map(|pass| &pass.placement).collect();
        let table = of_placements(&all, 784, 60.0);
        assert_eq!(used(&table, "neurons"), 70.0);
        assert_eq!(used(&table, "neuron circuits"), 490.0);
        assert!(table.iter().all(Resource::fits), "{table:?}");
    }

    #[test]
    fn targets_outside_their_ranges_do_not_fit() {
        assert!(of_targets(&Targets::default()).iter().all(Resource::fits));
        let slow = of_targets(&Targets { tau_mem_us: 100.0, ..Targets::default() });
        let wrong: Vec<&str> = slow.iter().filter(|r| !r.fits()).map(|r| r.name).collect();
        assert_eq!(wrong, ["tau_mem_us"]);
    }
}
