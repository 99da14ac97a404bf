//! Input events for measurements: one burst that reaches all 512 neurons through many synapses at once.
//!
//! All drivers listen to their whole bus, so one event per bus and hemisphere reaches all rows; of each driver's two rows one
//! is excitatory, one inhibitory, and the weights choose the rows that take part. Many weak synapses are better than one
//! strong one: their own deviations (5 % each) average out.

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS, ROWS};
use bss2_emu::device::RowWrite;
use bss2_emu::routing::{EventAddress, InputChannel, Routing, RowMode};
use bss2_emu::{Hemisphere, InputSpike, Label, WeightCode};

/// Which synaptic input is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Excitatory,
    Inhibitory,
}

/// How strong a burst is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Burst {
    /// Rows that take part, at most [`DRIVERS`].
    rows: usize,
    /// Weight of each.
    weight: u8,
}

impl Burst {
    /// The burst whose total weight comes closest to this, with as many rows as possible.
    pub fn of_total(total: f64) -> Self {
        let rows = libm::rint(total).clamp(1.0, DRIVERS as f64);
        let weight = libm::rint(total / rows).clamp(1.0, f64::from(WeightCode::MAX.get()));
        Self { rows: rows as usize, weight: weight as u8 }
    }

    /// The burst of this total through few rows: `rows` of them, more only where their weights do not suffice.
    pub fn through(rows: usize, total: f64) -> Self {
        let most = f64::from(WeightCode::MAX.get());
        let rows = libm::ceil(total / most).clamp(rows as f64, DRIVERS as f64);
        let weight = libm::rint(total / rows).clamp(1.0, most);
        Self { rows: rows as usize, weight: weight as u8 }
    }

    /// Sum of the weight codes.
    pub fn total(self) -> f64 {
        self.rows as f64 * f64::from(self.weight)
    }

    /// All rows of both arrays: this burst on the rows of a sign, zero elsewhere.
    pub fn weights(self, sign: Sign) -> Vec<RowWrite> {
        let first = match sign {
            Sign::Excitatory => 0,
            Sign::Inhibitory => 1,
        };
        let write = |hemisphere, row: usize| {
            let on = row % 2 == first && row / 2 < self.rows;
            let weight = f64::from(if on { self.weight } else { 0 });
            RowWrite { hemisphere, row, first_column: 0, weights: vec![WeightCode::saturating(weight); COLUMNS] }
        };
        Hemisphere::BOTH.into_iter().flat_map(|hemisphere| (0..ROWS).map(move |row| write(hemisphere, row))).collect()
    }
}

/// The routing of all measurements: input channels `0..8` are the buses of the top, then of the bottom hemisphere.
pub(crate) fn routing() -> Routing {
    let modes: Vec<RowMode> =
        (0..ROWS).map(|row| if row % 2 == 0 { RowMode::Excitatory } else { RowMode::Inhibitory }).collect();
    let inputs = Hemisphere::BOTH
        .into_iter()
        .flat_map(|hemisphere| {
            (0..BUSES).map(move |bus| InputChannel {
                port: bus as u8,
                address: EventAddress { hemisphere, bus, row_select: 0, label: Label::default() },
            })
        })
        .collect();
    Routing {
        row_modes: [modes.clone(), modes],
        driver_masks: [vec![0; DRIVERS], vec![0; DRIVERS]],
        inputs,
        ..Routing::default()
    }
}

/// The events of one burst in one hemisphere.
pub(crate) fn burst_in(hemisphere: Hemisphere, time_us: f64) -> Vec<InputSpike> {
    (0..BUSES).map(|bus| InputSpike { time_us, channel: (hemisphere.index() * BUSES + bus) as u16 }).collect()
}

/// The events of one burst in both hemispheres.
pub(crate) fn burst_at(time_us: f64) -> Vec<InputSpike> {
    Hemisphere::BOTH.into_iter().flat_map(|hemisphere| burst_in(hemisphere, time_us)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_have_the_total_asked_for() {
        for (total, rows, weight) in [(0.2, 1, 1), (14.0, 14, 1), (128.0, 128, 1), (400.0, 128, 3), (1e9, 128, 63)] {
            assert_eq!(Burst::of_total(total), Burst { rows, weight });
        }
        for (total, rows, weight) in [(0.2, 8, 1), (160.0, 8, 20), (600.0, 10, 60), (1e9, 128, 63)] {
            assert_eq!(Burst::through(8, total), Burst { rows, weight });
        }
        let burst = Burst::of_total(300.0);
        for sign in [Sign::Excitatory, Sign::Inhibitory] {
            let sum: usize = burst.weights(sign).iter().map(|w| usize::from(w.weights[7].get())).sum();
            assert_eq!(sum as f64, 2.0 * burst.total());
        }
        assert!(routing().check().is_ok());
    }
}
