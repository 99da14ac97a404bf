//! Two layers with axonal delays between them: hidden neurons, their delay pairs, outputs.
//!
//! The hidden layer takes the upper row of neurons from the left. In the lower row each hidden neuron has a delay pair, two
//! neighbouring circuits, and the outputs follow behind the pairs: neurons of lower number go first where events share an
//! interface, so in this order what comes later in the network is also later in rank.
//!
//! Of each bus of the lower half, the driver at the last position takes the hidden neurons to their pairs: one row serves them
//! all, since the synapse in a pair's column answers to its own neuron's label alone. The other 31 drivers each belong to
//! one pair as a source of the outputs. Labels are unique on a bus, over hidden neurons and pairs, and drivers accept all
//! row selects.

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS_PER_BUS};
use bss2_emu::routing::{DelayPair, Routing, RowMode};
use bss2_emu::{Hemisphere, Label, NeuronId};

use super::{Placement, PlacementError, check, open_driver, open_inputs};

/// Position of the driver that leads to delay pairs.
const TO_PAIRS: usize = DRIVERS_PER_BUS - 1;
/// Labels of a bus that can be given away: 0 belongs to the synapses that nobody uses.
const LABELS: usize = 63;

/// Places one layer, whose inputs alone are delayed, or two.
pub(super) fn place(n_inputs: usize, sizes: &[usize]) -> Result<Placement, PlacementError> {
    check(n_inputs, sizes)?;
    let [hidden, outputs] = *sizes else {
        // Inputs are delayed before they are sent.
        return Placement::new(n_inputs, sizes);
    };
    let mut routing = Routing::default();
    let input_drivers = open_inputs(&mut routing, n_inputs, hidden)?;
    let hidden_neurons =
        (0..hidden).map(|column| NeuronId::at(Hemisphere::Top, column)).collect::<Result<Vec<_>, _>>()?;

    let mut labels = [0; BUSES];
    for neuron in &hidden_neurons {
        give_label(&mut routing, &mut labels, *neuron);
    }
    let (relays, limit) = choose_pairs(hidden, outputs, labels)?;
    if relays.len() < hidden {
        return Err(PlacementError::DelayPairs { found: hidden, outputs, limit });
    }
    let first_output = relays.last().map_or(0, |relay| relay.column() + 2);
    let output_neurons = (first_output..first_output + outputs)
        .map(|c| NeuronId::at(Hemisphere::Bottom, c))
        .collect::<Result<_, _>>()?;

    let mut relay_synapses = Vec::new();
    let mut relay_drivers = Vec::new();
    let mut positions = [0; BUSES];
    let bottom = Hemisphere::Bottom.index();
    for (source, relay) in hidden_neurons.iter().zip(&relays) {
        let driver = TO_PAIRS * BUSES + bus_of(*source);
        routing.driver_masks[bottom][driver] = 0;
        routing.row_modes[bottom][2 * driver] = RowMode::Excitatory;
        routing.labels[bottom][2 * driver * COLUMNS + relay.column()] = label_of(&routing, *source);
        relay_synapses.push((2 * driver, relay.column()));

        give_label(&mut routing, &mut labels, *relay);
        let bus = bus_of(*relay);
        let driver = positions[bus] * BUSES + bus;
        positions[bus] += 1;
        routing.driver_masks[bottom][driver] = 0;
        let label = label_of(&routing, *relay);
        open_driver(&mut routing, Hemisphere::Bottom, driver, first_output..first_output + outputs, label);
        relay_drivers.push(driver);
        routing.delay_pairs.push(DelayPair { neuron: *relay, code: *DelayPair::CODES.start() });
    }
    Ok(Placement {
        neurons: vec![hidden_neurons, output_neurons],
        routing,
        relays,
        drivers: vec![
            input_drivers.into_iter().map(|driver| (Hemisphere::Top, driver)).collect(),
            relay_drivers.into_iter().map(|driver| (Hemisphere::Bottom, driver)).collect(),
        ],
        relay_synapses,
        circuits_per_neuron: 1,
        slots: None,
    })
}

/// The first circuits of as many pairs as are wanted or fit, and how many would fit, with so many labels in use.
fn choose_pairs(
    wanted: usize,
    outputs: usize,
    labels: [usize; BUSES],
) -> Result<(Vec<NeuronId>, usize), PlacementError> {
    let mut room = labels.map(|used| LABELS.saturating_sub(used).min(TO_PAIRS));
    let mut pairs = Vec::new();
    for column in (0..COLUMNS.saturating_sub(outputs + 1)).step_by(2) {
        let circuit = NeuronId::at(Hemisphere::Bottom, column)?;
        let room = &mut room[bus_of(circuit)];
        if *room > 0 {
            *room -= 1;
            pairs.push(circuit);
        }
    }
    let limit = pairs.len();
    pairs.truncate(wanted);
    Ok((pairs, limit))
}

fn bus_of(neuron: NeuronId) -> usize {
    neuron.event_output() % BUSES
}

/// The next free label of its bus for the events of a neuron, which go to the lower half.
fn give_label(routing: &mut Routing, labels: &mut [usize; BUSES], neuron: NeuronId) {
    let label = &mut labels[bus_of(neuron)];
    *label += 1;
    routing.neuron_addresses[neuron.index()] = Some(*label as u8);
    routing.output_to_hemisphere[neuron.event_output()][Hemisphere::Bottom.index()] = true;
}

fn label_of(routing: &Routing, neuron: NeuronId) -> Label {
    Label::saturating(f64::from(routing.neuron_addresses[neuron.index()].unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::DelayKind;

    #[test]
    fn networks_fit_up_to_the_pairs_and_labels() {
        for sizes in [[30, 3], [1, 1], [120, 3], [64, 100]] {
            let placement = Placement::with_delays(25, &sizes, DelayKind::Axonal).unwrap();
            placement.routing.check().unwrap();
            assert_eq!(placement.relays.len(), sizes[0]);
            // Every address on a bus is used once.
            let mut seen: Vec<_> = placement.neurons[0]
                .iter()
                .chain(&placement.relays)
                .flat_map(|n| placement.routing.neuron_events(*n).collect::<Vec<_>>())
                .map(|a| (a.bus, a.label.get()))
                .collect();
            seen.sort_unstable();
            assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{sizes:?}");
            assert!(seen.iter().all(|(_, label)| *label > 0));
        }
        let message = place(25, &[126, 3]).unwrap_err().to_string();
        assert!(message.starts_with("126 hidden neurons with axonal delays and 3 outputs do not fit"), "{message}");
        assert!(place(25, &[100, 100]).is_err());
    }

    #[test]
    fn other_delays_are_refused_with_what_there_is() {
        for kind in [DelayKind::Dendritic, DelayKind::Synaptic] {
            let message = Placement::with_delays(25, &[30, 3], kind).unwrap_err().to_string();
            assert!(message.contains("delays are not on the chip: it has axonal delays alone"), "{message}");
        }
    }

    #[test]
    fn one_layer_needs_no_pairs() {
        let placement = Placement::with_delays(25, &[3], DelayKind::Axonal).unwrap();
        assert_eq!(placement, Placement::new(25, &[3]).unwrap());
    }
}
