//! What the neurons did: spikes of the whole network over the membrane potentials that decided, one column per sample.

use super::Figure;
use super::axes::{Axis, Panel, Tick, drawable, finite_range};
use super::canvas::{Align, Canvas, LABEL, MARGIN, PAGE_WIDTH, SMALL, Type, text_width};
use super::legend::{Entry, Sample, row, row_width};
use super::palette::{GREY, INK, LIGHT, Rgb, class_colour};

/// The membrane potential of one output neuron during one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Name of the neuron, usually of its class.
    pub label: String,
    /// Sample times in hardware microseconds, ascending.
    pub time_us: Vec<f64>,
    /// Membrane potential at these times, in CADC LSB.
    pub potential_lsb: Vec<f64>,
}

/// What the network did on one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterPanel {
    /// Heading of the column.
    pub title: String,
    /// Input spikes as (time in hardware microseconds, channel).
    pub inputs: Vec<(f64, usize)>,
    /// Spikes of the hidden layer as (time in hardware microseconds, neuron).
    pub hidden: Vec<(f64, usize)>,
    /// Spikes of the output layer as (time in hardware microseconds, neuron).
    pub outputs: Vec<(f64, usize)>,
    /// Membrane potentials, one per output neuron, in the order of the classes.
    pub traces: Vec<Trace>,
    /// Firing threshold in CADC LSB.
    pub threshold_lsb: f64,
}

/// Room for the names of the populations on the right, in px.
const RIGHT: f64 = 62.0;
const GAP: f64 = 22.0;
const TOP: f64 = 56.0;
const STRIP_GAP: f64 = 8.0;
const TRACE_HEIGHT: f64 = 130.0;
const MIN_COLUMN: f64 = 150.0;

/// Draws a spike raster over the membrane traces of the output neurons, one column per panel.
///
/// Within a raster, inputs lie at the bottom, hidden neurons above, output neurons on top, each group on a scale of its
/// own; output spikes and traces have the colour of their class, the threshold is dashed. All columns share their axes.
/// Spikes and samples outside `time_range_us`, or not finite, are left out.
pub fn raster(panels: &[RasterPanel], class_names: &[&str], time_range_us: (f64, f64)) -> Figure {
    let columns = panels.len().max(1) as f64;
    let left = class_names.iter().map(|name| text_width(name, SMALL) + MARGIN + 8.0).fold(58.0, f64::max);
    let column = ((PAGE_WIDTH - left - RIGHT + GAP) / columns - GAP).max(MIN_COLUMN);
    let width = left + columns * (column + GAP) - GAP + RIGHT;
    let groups = groups(panels, class_names);
    let trace_top = TOP + groups.iter().map(|group| group.height + STRIP_GAP).sum::<f64>() + 26.0;
    let mut canvas = Canvas::new(width, trace_top + TRACE_HEIGHT + 76.0);

    let time = time_axis(time_range_us, column);
    let potential = potential_axis(panels);
    let frame = |index: usize, top: f64, height: f64, y: Axis| Panel {
        left: left + index as f64 * (column + GAP),
        top,
        width: column,
        height,
        x: time.clone(),
        y,
    };
    for index in 0..panels.len().max(1) {
        let panel = panels.get(index);
        let mut top = TOP;
        let heading = panel.map_or("", |panel| panel.title.as_str());
        let middle = left + index as f64 * (column + GAP) + column / 2.0;
        canvas.fitted((middle, 22.0), heading, column, Type::new(LABEL, Align::Centre).bold());
        for group in &groups {
            let strip = frame(index, top, group.height, group.axis.clone());
            group.draw(&mut canvas, &strip, index == 0, panel);
            if index + 1 == panels.len().max(1) {
                let at = (strip.right() + 10.0, strip.top + strip.height / 2.0 + 4.0);
                canvas.text(at, group.name, Type::new(LABEL, Align::Left));
            }
            top += group.height + STRIP_GAP;
        }
        let traces = frame(index, trace_top, TRACE_HEIGHT, potential.clone());
        traces.draw_x(&mut canvas, true, "time (µs)");
        traces.draw_y(&mut canvas, index == 0);
        match panel {
            Some(panel) => draw_traces(&mut canvas, &traces, panel),
            None => traces.remark(&mut canvas, "no samples"),
        }
    }
    let label = Type::new(LABEL, Align::Left);
    canvas.text((MARGIN, TOP - 10.0), "neuron index", label);
    canvas.text((MARGIN, trace_top - 10.0), "membrane potential (CADC LSB)", label);
    draw_legend(&mut canvas, class_names, left, (width - left - RIGHT, trace_top + TRACE_HEIGHT + 58.0));
    canvas.finish()
}

fn time_axis((from, to): (f64, f64), column: f64) -> Axis {
    let (from, to) = if drawable(from) && drawable(to) { (from, to) } else { (0.0, 1.0) };
    Axis::linear(from, to, ((column / 36.0) as usize).min(8))
}

fn potential_axis(panels: &[RasterPanel]) -> Axis {
    let traces = panels.iter().flat_map(|panel| panel.traces.iter()).flat_map(|trace| trace.potential_lsb.iter());
    let thresholds = panels.iter().map(|panel| panel.threshold_lsb);
    let (low, high) = finite_range(traces.copied().chain(thresholds)).unwrap_or((0.0, 1.0));
    let margin = 0.05 * (high - low);
    Axis::linear(low - margin, high + margin, 5)
}

/// One population of neurons, with a strip of its own in every raster.
struct Group {
    name: &'static str,
    height: f64,
    axis: Axis,
    colour: fn(usize) -> Rgb,
    spikes: fn(&RasterPanel) -> &[(f64, usize)],
    /// Length of a spike mark, in px.
    mark: f64,
}

/// The populations from top to bottom.
fn groups(panels: &[RasterPanel], class_names: &[&str]) -> [Group; 3] {
    let count = |spikes: fn(&RasterPanel) -> &[(f64, usize)]| {
        panels.iter().flat_map(spikes).map(|(_, neuron)| neuron.saturating_add(1)).max().unwrap_or(1)
    };
    let outputs = count(|panel| &panel.outputs).max(class_names.len()).min(64);
    let classes = (0..outputs)
        .map(|neuron| {
            Tick::new(neuron as f64, class_names.get(neuron).map_or_else(|| neuron.to_string(), ToString::to_string))
        })
        .collect();
    let axis = |neurons: usize, ticks: Vec<Tick>| Axis { low: -0.5, high: neurons as f64 - 0.5, ticks };
    let indices = |neurons: usize| Axis::whole(0.0, neurons.saturating_sub(1) as f64, 4).ticks;
    let hidden = count(|panel| &panel.hidden);
    let inputs = count(|panel| &panel.inputs);
    let strip = |neurons: usize, height: f64| (neurons, height, (height / neurons as f64 - 0.6).max(3.4));
    let (hidden, hidden_height, hidden_mark) = strip(hidden, 150.0);
    let (inputs, input_height, input_mark) = strip(inputs, 56.0);
    [
        Group {
            name: "output",
            height: (outputs as f64 * 14.0).max(44.0),
            axis: axis(outputs, classes),
            colour: class_colour,
            spikes: |panel| &panel.outputs,
            mark: 10.0,
        },
        Group {
            name: "hidden",
            height: hidden_height,
            axis: axis(hidden, indices(hidden)),
            colour: |_| INK,
            spikes: |panel| &panel.hidden,
            mark: hidden_mark.min(10.0),
        },
        Group {
            name: "input",
            height: input_height,
            axis: axis(inputs, indices(inputs)),
            colour: |_| GREY,
            spikes: |panel| &panel.inputs,
            mark: input_mark.min(10.0),
        },
    ]
}

impl Group {
    fn draw(&self, canvas: &mut Canvas, strip: &Panel, first: bool, panel: Option<&RasterPanel>) {
        strip.draw_y(canvas, first);
        canvas.level((strip.left, strip.right()), strip.bottom() + STRIP_GAP / 2.0, 0.5, LIGHT);
        let spikes = panel.map_or(&[][..], self.spikes);
        let (from, to) = (strip.x.low, strip.x.high);
        for &(time, neuron) in spikes.iter().filter(|(time, _)| (from..=to).contains(time)) {
            let (x, y) = (strip.px(time), strip.py(neuron as f64));
            canvas.upright(x, (y - self.mark / 2.0, y + self.mark / 2.0), 1.4, (self.colour)(neuron));
        }
    }
}

fn draw_traces(canvas: &mut Canvas, panel: &Panel, data: &RasterPanel) {
    if drawable(data.threshold_lsb) {
        canvas.dashed_level((panel.left, panel.right()), panel.py(data.threshold_lsb), 1.0, GREY);
    }
    for (index, trace) in data.traces.iter().enumerate() {
        let samples: Vec<(f64, f64)> = trace.time_us.iter().copied().zip(trace.potential_lsb.iter().copied()).collect();
        let drawn =
            |(time, potential): &(f64, f64)| (panel.x.low..=panel.x.high).contains(time) && drawable(*potential);
        for stretch in samples.split(|sample| !drawn(sample)) {
            let points = stretch.iter().map(|(time, potential)| (panel.px(*time), panel.py(*potential)));
            canvas.polyline(points.collect(), 1.4, class_colour(index));
        }
    }
}

fn draw_legend(canvas: &mut Canvas, class_names: &[&str], left: f64, (width, y): (f64, f64)) {
    let mut entries: Vec<Entry> = class_names
        .iter()
        .enumerate()
        .map(|(index, name)| Entry::new(Sample::Line(class_colour(index)), *name))
        .collect();
    entries.push(Entry::new(Sample::Dashed(GREY), "threshold"));
    row(canvas, (left + (width - row_width(&entries)) / 2.0, y), &entries);
}
