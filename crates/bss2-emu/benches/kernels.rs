//! What the single kernels of the fast engine cost: noise, sorting, a block's way through a trial, crossings.
//!
//! `cargo bench -p bss2-emu --bench kernels`.

use bss2_emu::kernels::{Events, OneBlock, draws};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Thirty-two normal numbers.
#[divan::bench]
fn two_draws_of_sixteen_neurons(bencher: Bencher<'_, '_>) {
    let mut trial = 0;
    bencher.bench_local(|| {
        trial += 1;
        draws(trial)
    });
}

/// Items are events.
#[divan::bench(args = [50, 100, 200, 400])]
fn sort(bencher: Bencher<'_, '_>, n: usize) {
    let mut events = Events::new(n);
    bencher.counter(ItemsCount::new(n)).bench_local(|| events.sort());
}

/// Items are steps of sixteen neurons of two circuits, none of which fires.
#[divan::bench(args = [25, 100, 400])]
fn silent_block(bencher: Bencher<'_, '_>, n: usize) {
    let mut block = OneBlock::new(n, 0.1);
    bencher.counter(ItemsCount::new(n)).bench_local(|| block.run());
}

/// The same, and most of them fire.
#[divan::bench(args = [25, 100, 400])]
fn firing_block(bencher: Bencher<'_, '_>, n: usize) {
    let mut block = OneBlock::new(n, 60.0 / n as f32);
    bencher.counter(ItemsCount::new(n)).bench_local(|| block.run());
}

/// Items are crossings, of one step.
#[divan::bench]
fn solve_sixteen_crossings(bencher: Bencher<'_, '_>) {
    let mut block = OneBlock::new(25, 0.1);
    bencher.counter(ItemsCount::new(16_usize)).bench_local(|| block.solve());
}
