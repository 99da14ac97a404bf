use super::*;
use crate::codes::{Hemisphere, Label, NEURONS};
use crate::device::{RunId, Trial};
use crate::events::{self, Emitted, Traffic, TrialAddress, time_of};
use crate::rng::{Purpose, Stream};
use crate::routing::{EventAddress, InputChannel, Routing};

#[test]
fn digits_and_merging_are_sorting() {
    let mut draw = Stream::new(2, Purpose::Search, [0, 0, 0]);
    let mut spare = Vec::new();
    for (n, span) in
        [(0, 1), (5, 100), (23, 0), (24, 0), (200, 3), (200, 255), (300, 20_000), (90, 65_535), (90, 65_536)]
    {
        let mut list = |n: usize| -> Vec<Key> {
            let tick = |u: f64| 40 + (u * f64::from(span + 1)) as u32;
            (0..n).map(|_| Key::new(tick(draw.uniform()), (draw.uniform() * 500.0) as u64)).collect()
        };
        let (mut a, mut b) = (list(n), list(n / 2));
        let mut expected: Vec<Key> = a.iter().chain(&b).copied().collect();
        expected.sort_unstable();
        sort(&mut a, &mut spare);
        sort(&mut b, &mut spare);
        assert!(a.is_sorted() && b.is_sorted());
        merge(&mut a, &b);
        assert_eq!(a, expected, "{n} in {span}");
    }
}

/// Channels and neurons on random ports and buses.
fn routing(draw: &mut impl FnMut(usize) -> usize) -> Routing {
    let mut routing = Routing::default();
    for _ in 0..40 {
        let hemisphere = Hemisphere::BOTH[draw(2)];
        let address = EventAddress { hemisphere, bus: draw(4), row_select: 0, label: Label::default() };
        routing.inputs.push(InputChannel { port: draw(4) as u8, address });
    }
    for neuron in 0..NEURONS {
        routing.neuron_addresses[neuron] = (draw(5) > 0).then_some(0);
    }
    for hemispheres in &mut routing.output_to_hemisphere {
        *hemispheres = [draw(3) > 0, draw(3) > 0];
    }
    routing
}

/// Crowds at all interfaces, in three layers, pass as those of [`Traffic`] do.
#[test]
fn events_pass_as_they_do_in_plain_traffic() {
    let (mut express, mut traffic) = (Express::default(), Traffic::default());
    let (mut passed, mut arrivals, mut plain) = Default::default();
    let mut waited = 0;
    for case in 0..300 {
        let mut stream = Stream::new(3, Purpose::Search, [case, 0, 0]);
        let mut draw = |n: usize| (stream.uniform() * n as f64) as usize;
        let lines = Lines::new(&routing(&mut draw));
        // From an event per tick and interface to an event in a thousand ticks.
        let span = [10, 40, 200, 2000, 20_000, 100_000][draw(6)];
        let path = EventPath {
            latency_external_us: draw(3) as f64 * 0.1,
            latency_internal_us: draw(4) as f64 * 0.1,
            serialisation: draw(8) > 0,
            ..EventPath::BSS2
        };
        let behind = Behind { outputs: 0xff, buses: 0xff, wanted: vec![true; lines.len()] };
        let spikes: Vec<InputSpike> = (0..draw(120))
            .map(|_| InputSpike { time_us: draw(span) as f64 * 0.0079, channel: draw(40) as u16 })
            .collect();
        express.external((&path, &lines), &spikes, &behind, (&mut passed, &mut arrivals));
        let address = TrialAddress { chip_seed: 1, run: RunId { session: 0, index: 0 }, trial: 0 };
        let trial = Trial { spikes, ..Trial::default() };
        traffic.external(&path, &lines, (&trial, 1e6), address, &mut plain);
        for layer in 0..3 {
            let by_time = |arrivals: &[Key]| -> Vec<_> {
                arrivals.iter().map(|key| (u64::from(key.tick()), key.line())).collect()
            };
            let mut expected: Vec<_> = plain.iter().map(|a| (events::tick(a.time_us), a.source)).collect();
            expected.sort_unstable();
            assert_eq!(by_time(&arrivals), expected, "case {case}, before layer {layer}");
            // Layers may share interfaces if the neurons of the later one have the higher numbers.
            let firing = draw(100);
            let mut emitted = Vec::new();
            for neuron in layer * 150..(layer + 1) * 150 {
                let crossed_us = (draw(span) * 8 + draw(8)) as f64 * 0.001;
                let time_us = time_of((crossed_us / TICK_US) as u64 + draw(40) as u64);
                if draw(100) < firing {
                    emitted.push(Emitted { time_us, crossed_us, neuron: neuron as u32 });
                }
            }
            let as_key = |e: &Emitted| Key::spike(tick(e.time_us), e.neuron, libm::ceil(e.crossed_us / TICK_US) as u32);
            let mut spikes: Vec<Key> = emitted.iter().map(as_key).collect();
            let sorted = |spikes: &[Key]| -> Vec<_> {
                let mut list: Vec<_> = spikes.iter().map(|key| (key.tick(), key.neuron())).collect();
                list.sort_unstable();
                list
            };
            let before = sorted(&spikes);
            express.internal(
                (&path, &lines),
                &mut spikes,
                (layer < 2).then_some(&behind),
                (&mut passed, &mut arrivals),
            );
            traffic.internal(&path, &lines, &mut emitted, &mut plain);
            let expected: Vec<Key> = emitted.iter().map(as_key).collect();
            assert_eq!(sorted(&spikes), sorted(&expected), "case {case}, spikes of layer {layer}");
            waited += usize::from(before != sorted(&spikes));
        }
    }
    assert!(waited > 300, "{waited} layers in which a spike waited");
}
