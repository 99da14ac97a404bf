//! What one neuron does between events, whatever its equation: the only face that an event engine sees.
//!
//! An engine asks a neuron when it fires next, tells it what arrives, and looks at it. How far a neuron can look ahead is its
//! own affair: a membrane with a closed form sees its next spike at any distance, a membrane that is integrated numerically
//! sees one step. So the answer is an [`Outlook`]: a spike, or quiet up to a time at which the engine asks again.

use std::fmt::Debug;

use crate::membrane::joined::{Joined, JoinedState};
use crate::membrane::nonlinear::{self, Nonlinear};
use crate::membrane::{Membrane, State};
use crate::relay::{Relay, RelayState};

/// What a neuron does next if no event comes before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outlook {
    /// It fires at this time.
    Spike(f64),
    /// It does not fire up to and including this time.
    Quiet(f64),
}

impl Outlook {
    /// The time of the spike, or up to which there is none.
    pub fn time(self) -> f64 {
        let (Self::Spike(time) | Self::Quiet(time)) = self;
        time
    }
}

/// What there is to see of a neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Potential, relative to where the neuron's own potentials are counted from.
    pub potential: f64,
    /// Excitatory synaptic current, in potential per time.
    pub i_exc: f64,
    /// Inhibitory synaptic current, positive.
    pub i_inh: f64,
    /// Adaptation current; zero for a neuron without adaptation.
    pub adaptation: f64,
}

/// The course of one neuron between events. Times begin at zero.
///
/// The numbers that come out depend on the events alone: not on how often or how far somebody looks ahead, and not on who
/// [views](Self::view) the neuron.
pub trait Dynamics {
    /// The neuron at one time.
    type State: Debug + Clone;

    /// The state at time zero.
    fn at_start(&self) -> Self::State;

    /// Threshold, as a potential of the neuron; infinite if it never fires.
    fn threshold(&self) -> f64;

    /// The first spike up to and including `until` with this threshold, or how far ahead there is none (`until` or less, but
    /// beyond the present unless that is `until`). The neuron stays where it is; only what was found out is kept.
    fn look_ahead(&self, state: &mut Self::State, threshold: f64, until: f64) -> Outlook;

    /// Moves to `until`, before which the neuron does not fire: not beyond the last outlook.
    fn coast(&self, state: &mut Self::State, until: f64);

    /// Fires now: reset, refractory phase, and whatever a spike adds.
    fn fire(&self, state: &mut Self::State);

    /// Resets the potential now, as a spike would, without a spike.
    fn force_reset(&self, state: &mut Self::State);

    /// The current of an input jumps: input `2 c` is the excitatory one of circuit `c`, `2 c + 1` the inhibitory one; `jump`
    /// is in potential per time and not negative.
    fn receive(&self, state: &mut Self::State, input: usize, jump: f64);

    /// The neuron at `time`, not before the present and not beyond the last outlook. Nothing moves.
    fn view(&self, state: &Self::State, time: f64) -> View;
}

/// A neuron of any kind.
#[derive(Debug, Clone)]
pub enum Body {
    /// Current-based, leaky integrate-and-fire: exact.
    Lif(Membrane),
    /// The same of several circuits: exact.
    Joined(Joined),
    /// A circuit that hands events on.
    Relay(Relay),
    /// With exponential onset, adaptation, conductance-based or saturating input: integrated.
    Nonlinear(Box<Nonlinear>),
}

/// A neuron of any kind on its way.
#[derive(Debug, Clone)]
pub enum Course<'a> {
    /// Of [`Body::Lif`].
    Lif(&'a Membrane, State),
    /// Of [`Body::Joined`].
    Joined(&'a Joined, JoinedState),
    /// Of [`Body::Relay`].
    Relay(&'a Relay, RelayState),
    /// Of [`Body::Nonlinear`].
    Nonlinear(&'a Nonlinear, Box<nonlinear::State>),
}

/// The same call to a neuron of every kind.
macro_rules! each {
    ($course:expr, $neuron:ident, $state:ident => $call:expr) => {
        match $course {
            Course::Lif($neuron, $state) => $call,
            Course::Joined($neuron, $state) => $call,
            Course::Relay($neuron, $state) => $call,
            Course::Nonlinear($neuron, $state) => $call,
        }
    };
}

impl Body {
    /// The same neuron where the resting potential, which its potentials are relative to, is higher by `shift`.
    #[must_use]
    pub fn at_rest_shifted_by(&self, shift: f64) -> Self {
        match self {
            Self::Lif(membrane) => Self::Lif(membrane.at_rest_shifted_by(shift)),
            Self::Joined(joined) => Self::Joined(joined.at_rest_shifted_by(shift)),
            Self::Relay(relay) => Self::Relay(*relay),
            Self::Nonlinear(neuron) => Self::Nonlinear(Box::new(neuron.at_rest_shifted_by(shift))),
        }
    }

    /// The neuron at time zero.
    pub fn start(&self) -> Course<'_> {
        match self {
            Self::Lif(membrane) => Course::Lif(membrane, membrane.at_start()),
            Self::Joined(joined) => Course::Joined(joined, joined.at_start()),
            Self::Relay(relay) => Course::Relay(relay, relay.at_start()),
            Self::Nonlinear(neuron) => Course::Nonlinear(neuron, Box::new(neuron.at_start())),
        }
    }
}

impl Course<'_> {
    /// See [`Dynamics::threshold`].
    pub fn threshold(&self) -> f64 {
        each!(self, neuron, _state => neuron.threshold())
    }

    /// See [`Dynamics::look_ahead`].
    pub fn look_ahead(&mut self, threshold: f64, until: f64) -> Outlook {
        each!(self, neuron, state => neuron.look_ahead(state, threshold, until))
    }

    /// See [`Dynamics::coast`].
    pub fn coast(&mut self, until: f64) {
        each!(self, neuron, state => neuron.coast(state, until));
    }

    /// See [`Dynamics::fire`].
    pub fn fire(&mut self) {
        each!(self, neuron, state => neuron.fire(state));
    }

    /// See [`Dynamics::force_reset`].
    pub fn force_reset(&mut self) {
        each!(self, neuron, state => Dynamics::force_reset(*neuron, state));
    }

    /// See [`Dynamics::receive`].
    pub fn receive(&mut self, input: usize, jump: f64) {
        each!(self, neuron, state => neuron.receive(state, input, jump));
    }

    /// See [`Dynamics::view`].
    pub fn view(&self, time: f64) -> View {
        each!(self, neuron, state => neuron.view(state, time))
    }
}
