//! Interfaces that pass one event per tick.

use super::Key;

/// Interfaces of one kind.
const GATES: usize = 8;

/// An interface at a tick, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

impl From<(u8, u32)> for Slot {
    fn from((gate, tick): (u8, u32)) -> Self {
        Self(tick * GATES as u32 + u32::from(gate))
    }
}

/// A set of slots.
#[derive(Debug, Clone, Default)]
struct Taken(Vec<u64>);

impl Taken {
    fn add(&mut self, Slot(slot): Slot) {
        let word = (slot / u64::BITS) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot % u64::BITS);
    }

    /// Forgets a slot that is in it, and perhaps its neighbours.
    fn forget(&mut self, Slot(slot): Slot) {
        self.0[(slot / u64::BITS) as usize] = 0;
    }

    fn has(&self, Slot(slot): Slot) -> bool {
        self.0.get((slot / u64::BITS) as usize).is_some_and(|word| word >> (slot % u64::BITS) & 1 != 0)
    }
}

/// Those that wait at an interface: what tells the event apart and its place in the list, ascending.
#[derive(Debug, Clone, Default)]
struct Queue {
    events: Vec<(u64, u32)>,
    /// Events that have left it.
    gone: usize,
    /// The first tick that nobody of them has been given.
    next: u32,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn push(&mut self, event: (u64, u32)) {
        let mut place = self.events.len();
        self.events.push(event);
        while place > self.gone && self.events[place - 1] > event {
            self.events[place] = self.events[place - 1];
            place -= 1;
        }
        self.events[place] = event;
    }

    fn pop(&mut self) -> (u64, u32) {
        let event = self.events[self.gone];
        self.gone += 1;
        if self.gone == self.events.len() {
            self.events.clear();
            self.gone = 0;
        }
        event
    }
}

/// Up to eight interfaces.
#[derive(Debug, Clone, Default)]
pub struct Gates {
    /// The first tick at which each is free; out of reach while events wait there.
    free: [u32; GATES],
    queues: [Queue; GATES],
    taken: Taken,
}

impl Gates {
    /// Lets events pass that are sorted. Each takes the tick it wants or, if that is gone, waits for the next one that is not: of those
    /// that wait, the smallest number below the tick goes first. `taken` is gone before. The order in the list stays;
    /// whether anybody has waited, so that it may not be sorted any more.
    pub fn pass(&mut self, keys: &mut [Key], taken: &[Slot], gate_of: impl Fn(Key) -> u8) -> bool {
        let mut somebody_waited = false;
        self.free = [0; GATES];
        for slot in taken {
            self.taken.add(*slot);
        }
        for place in 0..keys.len() {
            let key = keys[place];
            let (gate, wanted) = (gate_of(key), key.tick());
            let free = &mut self.free[usize::from(gate) % GATES];
            if wanted >= *free && !self.taken.has(Slot::from((gate, wanted))) {
                // Of those that want this tick it is the first in the list.
                *free = wanted + 1;
            } else {
                self.wait(keys, place, gate);
                somebody_waited = true;
            }
        }
        for gate in 0..GATES as u8 {
            self.let_pass(keys, gate, u32::MAX);
        }
        for slot in taken {
            self.taken.forget(*slot);
        }
        somebody_waited
    }

    /// An event comes that cannot pass at once, or comes where others wait.
    fn wait(&mut self, keys: &mut [Key], place: usize, gate: u8) {
        let i = usize::from(gate) % GATES;
        let wanted = keys[place].tick();
        if self.queues[i].is_empty() {
            self.queues[i].next = self.free[i];
        } else {
            self.let_pass(keys, gate, wanted);
            if self.free[i] <= wanted && !self.taken.has(Slot::from((gate, wanted))) {
                self.free[i] = wanted + 1;
                return;
            }
        }
        let queue = &mut self.queues[i];
        queue.next = queue.next.max(wanted);
        queue.push((keys[place].low(), place as u32));
        self.free[i] = u32::MAX;
    }

    /// Gives those that wait the ticks before `until`.
    fn let_pass(&mut self, keys: &mut [Key], gate: u8, until: u32) {
        let i = usize::from(gate) % GATES;
        let queue = &mut self.queues[i];
        while !queue.is_empty() {
            while self.taken.has(Slot::from((gate, queue.next))) {
                queue.next += 1;
            }
            if queue.next >= until {
                return;
            }
            let (low, place) = queue.pop();
            keys[place as usize] = Key::new(queue.next, low);
            queue.next += 1;
            if queue.is_empty() {
                self.free[i] = queue.next;
            }
        }
    }
}
