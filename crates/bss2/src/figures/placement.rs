//! What sits where on the chip: the two synapse arrays, rows by source, columns by neuron.

use super::Figure;
use super::canvas::{Align, Canvas, MARGIN, PAGE_WIDTH, SMALL, Type};
use super::palette::{GREY, INK, LIGHT, Rgb, class_colour};

/// One synapse array.
#[derive(Debug, Clone, PartialEq)]
pub struct SynapseArray {
    /// Its name.
    pub label: String,
    /// Layer of the neuron of each synapse, from 1, `[row][column]`; 0: the synapse is not used.
    pub layers: Vec<Vec<i16>>,
    /// Weight codes with their signs, `[row][column]`.
    pub codes: Vec<Vec<i16>>,
}

/// Pixels of a synapse.
const CELL: f64 = 1.2;
const GAP: f64 = 44.0;
const TOP: f64 = 88.0;

/// The arrays side by side: a synapse that is used in the colour of its layer (paler: weight 0), the rest grey. Row 0 is at the top.
pub fn placement(title: &str, arrays: &[SynapseArray]) -> Figure {
    let rows = arrays.iter().map(|a| a.layers.len()).max().unwrap_or(0);
    let mut canvas = Canvas::new(PAGE_WIDTH, TOP + CELL * rows as f64 + 34.0);
    canvas.title(title);
    let n_layers = arrays.iter().flat_map(|a| a.layers.iter().flatten()).copied().max().unwrap_or(0);
    let mut x = MARGIN;
    for layer in 1..=n_layers {
        for (pale, what) in [(false, "weight"), (true, "weight 0")] {
            canvas.rectangle(x, 40.0, 12.0, 12.0, colour(layer, pale));
            canvas.text((x + 17.0, 50.0), &format!("layer {layer}, {what}"), Type::new(SMALL, Align::Left));
            x += 122.0;
        }
    }
    let mut left = MARGIN + 24.0;
    for array in arrays {
        let columns = array.layers.iter().map(Vec::len).max().unwrap_or(0);
        let (width, height) = (CELL * columns as f64, CELL * array.layers.len() as f64);
        canvas.text(
            (left, TOP - 12.0),
            &format!("{}, row: source, excitatory and inhibitory in turn", array.label),
            Type::new(SMALL, Align::Left),
        );
        canvas.rectangle(left, TOP, width, height, LIGHT);
        for (row, (layers, codes)) in array.layers.iter().zip(&array.codes).enumerate() {
            let kinds: Vec<(i16, bool)> = layers.iter().zip(codes).map(|(l, c)| (*l, *c == 0)).collect();
            let mut first = 0;
            while first < kinds.len() {
                let run = kinds[first..].iter().take_while(|kind| **kind == kinds[first]).count();
                let (layer, pale) = kinds[first];
                if layer > 0 {
                    let at = (left + CELL * first as f64, TOP + CELL * row as f64);
                    canvas.rectangle(at.0, at.1, CELL * run as f64, CELL, colour(layer, pale));
                }
                first += run;
            }
        }
        for mark in [0, 64, 128, 192, 256] {
            let place = CELL * f64::from(mark);
            canvas.text(
                (left + place, TOP + height + 14.0),
                &mark.to_string(),
                Type::new(SMALL, Align::Centre).colour(GREY),
            );
            canvas.text(
                (left - 5.0, TOP + place + 4.0),
                &mark.to_string(),
                Type::new(SMALL, Align::Right).colour(GREY),
            );
        }
        canvas.text(
            (left + width / 2.0, TOP + height + 28.0),
            "column: neuron",
            Type::new(SMALL, Align::Centre).colour(INK),
        );
        left += width + GAP;
    }
    canvas.finish()
}

fn colour(layer: i16, pale: bool) -> Rgb {
    let strong = class_colour(usize::from(layer.unsigned_abs()).saturating_sub(1));
    if pale { strong.pale() } else { strong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_equal_synapses_are_one_mark() {
        let array = |layers: Vec<Vec<i16>>, codes| SynapseArray { label: "top".to_owned(), layers, codes };
        let one = placement("p", &[array(vec![vec![1, 1, 1, 0]], vec![vec![3, 4, 5, 0]])]);
        let two = placement("p", &[array(vec![vec![1, 1, 2, 0]], vec![vec![3, 0, 5, 0]])]);
        let count = |figure: &Figure| figure.svg().matches("<rect").count();
        // Two more runs, and two more entries of the legend.
        assert_eq!(count(&two) - count(&one), 4);
        assert!(placement("nothing", &[]).svg().contains("nothing"));
    }
}
