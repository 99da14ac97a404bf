//! Networks larger than the chip, in several passes.
//!
//! A pass is one configuration of the chip: some layers, or a part of the neurons of one. What a pass recorded is sent from
//! outside in the passes behind it.
//!
//! *How many circuits.* A neuron of the network needs one circuit for every 128 signed inputs. All neurons of all passes have as
//! many as the widest layer needs, because a network has one threshold, and a membrane of `k` circuits needs `k` times the charge.
//!
//! *How many neurons.* Joined circuits are neighbours within half of the columns. There the path
//!
//! ```text
//! top     0 . 3 - 4 . 7 - 8 ..        column 0: down, column 1: up, ...
//!         |   |   |   |   |
//! bottom  1 - 2 . 5 - 6 . 9 ..
//! ```
//! visits all 256 circuits of a half; any `k` in a row are a neuron. So a pass holds `2 floor(256/k)` of them: 512, 256, 170, 128,
//! 102, 84, 72 for `k` = 1..=7.
//!
//! *How inputs reach them.* Each hemisphere has 128 drivers of two rows. In the circuits of a neuron in one hemisphere, called
//! its slots, a driver serves different inputs, told apart by label: slot `s` answers to label `s + 1`, so a driver has as many
//! inputs as there are slots. With an odd `k` a neuron has `(k + 1)/2` slots in one hemisphere and `(k - 1)/2` in the other, neighbours
//! the other way round; inputs beyond those of the `(k - 1)/2` slots that all neurons have on either side are sent to both
//! hemispheres.
//!
//! *How many passes.* Layers that fit together by [`Placement::new`] or [`Placement::joined`] share a pass, as many as possible
//! from the first on; that is least, since fewer layers fit where more do. A layer that does not fit alone is divided evenly. A layer
//! begins when the one before is complete, so what is left of the last part stays empty: 784-350-10 takes 5 passes of 70 neurons and
//! one of 10, where its circuits alone would fill 4.9 chips.

use std::ops::Range;

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS};
use bss2_emu::device::RowWrite;
use bss2_emu::routing::{EventAddress, InputChannel, Routing};
use bss2_emu::{Hemisphere, Label, NeuronId, WeightCode};
use ndarray::{Array2, Axis, s};

use super::{Placement, PlacementError, SIGNED_INPUTS, open_driver};
use crate::network::Network;
use crate::scaling::Scaling;

/// Circuits of a neuron at most: a slot needs a label, and label 0 belongs to the synapses that nobody uses.
const MOST_CIRCUITS: usize = 2 * 63;

/// A network's place in several configurations of the chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Passes {
    all: Vec<Pass>,
    n_inputs: usize,
    sizes: Vec<usize>,
    circuits_per_neuron: usize,
}

/// One configuration of the chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// Layers of the network, counted from 0.
    pub layers: Range<usize>,
    /// Neurons of that layer; all of the last one where there are several layers.
    pub neurons: Range<usize>,
    /// The source of the first layer that each input channel carries.
    pub channels: Vec<usize>,
    /// Where they sit.
    pub placement: Placement,
}

impl Pass {
    /// The weights that this pass has: those of its neurons, with a row for each input channel.
    pub fn network(&self, network: &Network) -> Network {
        let mut weights = network.weights[self.layers.clone()].to_vec();
        if let [layer] = &mut weights[..] {
            *layer = layer.slice(s![.., self.neurons.clone()]).select(Axis(0), &self.channels);
        }
        Network::new(weights)
    }
}

impl Passes {
    /// The passes in their order.
    pub fn passes(&self) -> &[Pass] {
        &self.all
    }

    /// Input channels of the network.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Neurons of each layer.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Circuits that are joined to one neuron of the network.
    pub fn circuits_per_neuron(&self) -> usize {
        self.circuits_per_neuron
    }

    /// The units of the network in these passes, from those of single circuits ([`Placement::scaling`]).
    #[must_use]
    pub fn scaling(&self, of_circuits: Scaling) -> Scaling {
        Scaling { threshold: of_circuits.threshold * self.circuits_per_neuron as f64, ..of_circuits }
    }
}

impl Placement {
    /// Places a network in as few passes as the rules of this module allow: one, as [`Placement::fitting`] does it, if the network fits.
    ///
    /// ```
    /// use ttfs::placement::Placement;
    /// let passes = Placement::partitioned(784, &[350, 10])?;
    /// assert_eq!((passes.passes().len(), passes.circuits_per_neuron()), (6, 7));
    /// assert_eq!(Placement::partitioned(256, &[246, 10])?.passes().len(), 1);
    /// # Ok::<(), ttfs::placement::PlacementError>(())
    /// ```
    ///
    /// # Errors
    /// [`PlacementError::PassInputs`] if a layer has more sources than labels can tell apart; [`PlacementError::Layers`] without any
    /// layer.
    pub fn partitioned(n_inputs: usize, sizes: &[usize]) -> Result<Passes, PlacementError> {
        if sizes.is_empty() {
            return Err(PlacementError::Layers { found: 0 });
        }
        if let Ok(placement) = Self::fitting(n_inputs, sizes) {
            let circuits_per_neuron = placement.circuits_per_neuron;
            let pass = whole(0..sizes.len(), n_inputs, sizes, placement);
            return Ok(Passes { all: vec![pass], n_inputs, sizes: sizes.to_vec(), circuits_per_neuron });
        }
        let sources: Vec<usize> = std::iter::once(n_inputs).chain(sizes.iter().copied()).take(sizes.len()).collect();
        let mut circuits = 1;
        for (layer, &found) in sources.iter().enumerate() {
            circuits = circuits.max(found.div_ceil(SIGNED_INPUTS));
            if circuits > MOST_CIRCUITS {
                return Err(PlacementError::PassInputs {
                    layer: layer + 1,
                    found,
                    limit: MOST_CIRCUITS * SIGNED_INPUTS,
                });
            }
        }
        let mut passes = divided(&sources, sizes, circuits)?;
        let mut circuits_per_neuron = circuits;
        if circuits == 1 {
            // Two circuits let more layers share a pass.
            let joined = divided(&sources, sizes, 2)?;
            if joined.len() < passes.len() {
                (passes, circuits_per_neuron) = (joined, 2);
            }
        }
        Ok(Passes { all: passes, n_inputs, sizes: sizes.to_vec(), circuits_per_neuron })
    }
}

/// The passes of a network with so many circuits for each neuron.
fn divided(sources: &[usize], sizes: &[usize], circuits: usize) -> Result<Vec<Pass>, PlacementError> {
    let together = |layers: &Range<usize>| match circuits {
        1 => Placement::new(sources[layers.start], &sizes[layers.clone()]).ok(),
        2 => Placement::joined(sources[layers.start], &sizes[layers.clone()]).ok(),
        _ => None,
    };
    let mut passes = Vec::new();
    let mut first = 0;
    while first < sizes.len() {
        let fitting = (first + 1..=sizes.len()).rev().find_map(|end| Some((first..end, together(&(first..end))?)));
        if let Some((layers, placement)) = fitting {
            let next = layers.end;
            passes.push(whole(layers, sources[first], sizes, placement));
            first = next;
        } else {
            passes.extend(parts(first, sources[first], sizes[first], circuits)?);
            first += 1;
        }
    }
    Ok(passes)
}

/// Whole layers in one pass.
fn whole(layers: Range<usize>, n_sources: usize, sizes: &[usize], placement: Placement) -> Pass {
    let neurons = 0..sizes[layers.end - 1];
    Pass { layers, neurons, channels: (0..n_sources).collect(), placement }
}

/// A layer alone, evenly divided where it does not fit.
fn parts(layer: usize, n_sources: usize, size: usize, circuits: usize) -> Result<Vec<Pass>, PlacementError> {
    let groups = groups(circuits)?;
    let n = size.div_ceil(groups.len());
    (0..n)
        .map(|part| {
            let neurons = part * size / n..(part + 1) * size / n;
            let (placement, channels) = place(n_sources, &groups[..neurons.len()])?;
            Ok(Pass { layers: layer..layer + 1, neurons, channels, placement })
        })
        .collect()
}

/// All neurons of so many circuits that the chip has room for.
fn groups(circuits: usize) -> Result<Vec<Vec<NeuronId>>, PlacementError> {
    let mut groups = Vec::new();
    for half in [0..COLUMNS / 2, COLUMNS / 2..COLUMNS] {
        let mut path = Vec::with_capacity(COLUMNS);
        for column in half {
            let (top, bottom) = (NeuronId::at(Hemisphere::Top, column)?, NeuronId::at(Hemisphere::Bottom, column)?);
            path.extend(if column % 2 == 0 { [top, bottom] } else { [bottom, top] });
        }
        groups.extend(path.chunks_exact(circuits).map(<[NeuronId]>::to_vec));
    }
    Ok(groups)
}

/// Where the synapses of a part of a layer are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slots {
    /// Driver and slot of each input channel.
    channels: Vec<Place>,
    /// The column of each neuron's circuit, `[hemisphere][slot][neuron]`; none where the neuron has no such slot.
    columns: [Vec<Vec<Option<usize>>>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    hemisphere: Hemisphere,
    driver: usize,
    slot: usize,
}

impl Slots {
    fn new(groups: &[Vec<NeuronId>]) -> Self {
        let columns = Hemisphere::BOTH.map(|hemisphere| {
            let of = |group: &Vec<NeuronId>| -> Vec<usize> {
                group.iter().filter(|c| c.hemisphere() == hemisphere).map(|c| c.column()).collect()
            };
            let by_neuron: Vec<Vec<usize>> = groups.iter().map(of).collect();
            let slots = by_neuron.iter().map(Vec::len).max().unwrap_or(0);
            (0..slots).map(|slot| by_neuron.iter().map(|columns| columns.get(slot).copied()).collect()).collect()
        });
        Self { channels: Vec::new(), columns }
    }

    fn of(&self, place: &Place) -> &[Option<usize>] {
        self.columns[place.hemisphere.index()].get(place.slot).map_or(&[], Vec::as_slice)
    }

    /// The synapse rows that hold these weights, `(n_channels, n_neurons)`: whole rows, each driver's two.
    pub fn rows(&self, weights: &Array2<f64>, scaling: &Scaling) -> Vec<RowWrite> {
        let mut rows: Vec<Option<[Vec<WeightCode>; 2]>> = vec![None; 2 * DRIVERS];
        for (place, source) in self.channels.iter().zip(weights.rows()) {
            let [exc, inh] = rows[place.hemisphere.index() * DRIVERS + place.driver]
                .get_or_insert_with(|| [vec![WeightCode::default(); COLUMNS], vec![WeightCode::default(); COLUMNS]]);
            for (column, weight) in self.of(place).iter().zip(source) {
                if let Some(column) = *column {
                    (exc[column], inh[column]) = scaling.codes(*weight);
                }
            }
        }
        let of_driver = |(number, rows): (usize, Option<[Vec<WeightCode>; 2]>)| {
            let (hemisphere, driver) = (Hemisphere::BOTH[number / DRIVERS], number % DRIVERS);
            let write = move |(k, weights)| RowWrite { hemisphere, row: 2 * driver + k, first_column: 0, weights };
            rows.into_iter().flatten().enumerate().map(write)
        };
        rows.into_iter().enumerate().flat_map(of_driver).collect()
    }
}

/// Places neurons of one layer on these circuits; which source each input channel carries.
fn place(n_sources: usize, groups: &[Vec<NeuronId>]) -> Result<(Placement, Vec<usize>), PlacementError> {
    let circuits = groups.first().map_or(1, Vec::len);
    let mut routing = Routing::default();
    if circuits > 1 {
        routing.logical_neurons = groups.to_vec();
    }
    let mut slots = Slots::new(groups);
    let mut channels = Vec::new();
    for (source, place) in sides(n_sources, circuits / 2) {
        let Place { hemisphere, driver, slot } = place;
        let label = Label::new(slot as i64 + 1)?;
        let (bus, position) = (driver % BUSES, driver / BUSES);
        let address = EventAddress { hemisphere, bus, row_select: position as u8, label };
        routing.inputs.push(InputChannel { port: bus as u8, address });
        for column in slots.of(&place).iter().flatten() {
            open_driver(&mut routing, hemisphere, driver, *column..*column + 1, label);
        }
        slots.channels.push(place);
        channels.push(source);
    }
    let neurons = groups.iter().filter_map(|group| group.first().copied()).collect();
    let placement = Placement {
        neurons: vec![neurons],
        routing,
        relays: Vec::new(),
        drivers: Vec::new(),
        relay_synapses: Vec::new(),
        circuits_per_neuron: circuits,
        slots: Some(slots),
    };
    Ok((placement, channels))
}

/// The place of each input, given how many slots all neurons have in either hemisphere; two places where that is not enough.
fn sides(n_sources: usize, slots: usize) -> impl Iterator<Item = (usize, Place)> {
    let both = n_sources.saturating_sub(2 * slots * DRIVERS);
    let top = (n_sources - both).div_ceil(2);
    let place = |hemisphere, n: usize| Place { hemisphere, driver: n % DRIVERS, slot: n / DRIVERS };
    let tops = (0..top).map(move |source| (source, place(Hemisphere::Top, source)));
    let bottoms = (top + both..n_sources).map(move |source| (source, place(Hemisphere::Bottom, source - top - both)));
    let shared = (0..both).flat_map(move |n| {
        Hemisphere::BOTH.map(|hemisphere| (top + n, Place { hemisphere, driver: n % DRIVERS, slot: slots }))
    });
    tops.chain(shared).chain(bottoms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each source reaches each neuron of a pass, found through the routing alone.
    fn synapses(pass: &Pass) -> Array2<u32> {
        let routing = &pass.placement.routing;
        let mut found = Array2::zeros((pass.channels.iter().max().map_or(0, |m| m + 1), pass.neurons.len()));
        for (channel, &source) in pass.channels.iter().enumerate() {
            let address = routing.inputs[channel].address;
            let driver = usize::from(address.row_select) * BUSES + address.bus;
            for (neuron, circuits) in routing.logical_neurons.iter().enumerate() {
                for circuit in circuits.iter().filter(|c| c.hemisphere() == address.hemisphere) {
                    let synapse = 2 * driver * COLUMNS + circuit.column();
                    found[[source, neuron]] +=
                        u32::from(routing.labels[address.hemisphere.index()][synapse] == address.label);
                }
            }
        }
        found
    }

    #[test]
    fn every_source_has_one_synapse_with_every_neuron() {
        for (n_inputs, size, expected) in [(784, 350, 5), (784, 72, 1), (300, 171, 2), (384, 170, 1), (1000, 65, 2)] {
            let passes = Placement::partitioned(n_inputs, &[size]).unwrap();
            assert_eq!(passes.passes().len(), expected, "{n_inputs}-{size}");
            let mut next = 0;
            for pass in passes.passes() {
                pass.placement.routing.check().unwrap();
                assert_eq!(pass.neurons.start, next);
                next = pass.neurons.end;
                let found = synapses(pass);
                assert_eq!(found.dim(), (n_inputs, pass.neurons.len()));
                assert!(found.iter().all(|n| *n == 1), "{n_inputs}-{size}");
            }
            assert_eq!(next, size);
        }
    }

    #[test]
    fn few_inputs_are_sent_to_both_hemispheres() {
        let channels = |n| Placement::partitioned(n, &[200]).unwrap().passes()[0].channels.len();
        // Seven circuits: three slots on either side are for 768 inputs.
        assert_eq!(channels(784), 784 + 16);
        assert_eq!(channels(768), 768);
        assert_eq!(channels(1024), 1024);
    }

    #[test]
    fn layers_share_passes_where_they_fit_together() {
        let of = |n, sizes: &[usize]| {
            let passes = Placement::partitioned(n, sizes).unwrap();
            let layers: Vec<_> = passes.passes().iter().map(|p| (p.layers.clone(), p.neurons.clone())).collect();
            (passes.circuits_per_neuron(), layers)
        };
        assert_eq!(of(25, &[120, 3]), (1, vec![(0..2, 0..3)]));
        assert_eq!(of(100, &[128, 128, 128, 3]), (1, vec![(0..2, 0..128), (2..4, 0..3)]));
        assert_eq!(of(100, &[90, 80, 70, 60, 3]), (2, vec![(0..3, 0..70), (3..5, 0..3)]));
        assert_eq!(of(256, &[300, 10]), (3, vec![(0..1, 0..150), (0..1, 150..300), (1..2, 0..10)]));
    }

    #[test]
    fn what_labels_cannot_tell_apart_is_refused() {
        let message = Placement::partitioned(20_000, &[10, 3]).unwrap_err().to_string();
        assert!(message.starts_with("20000 sources of layer 1 do not fit, not even in several passes"), "{message}");
        assert!(Placement::partitioned(16_128, &[3]).is_ok());
        assert!(Placement::partitioned(5, &[]).is_err());
    }
}
