//! One neuron that is moved only when something happens to it, and always knows when it has to be called next.

use crate::dynamics::{Body, Course, Outlook, View};

/// The input of a neuron of one circuit on which an event with a signed weight acts, and the jump of its current.
pub fn input(weight: f64) -> (usize, f64) {
    if weight < 0.0 { (1, -weight) } else { (0, weight) }
}

/// A neuron in a simulation.
///
/// Its owner calls [`proceed`](Self::proceed) at every [`due`](Self::due) time and [`receive`](Self::receive) at every event,
/// in the order of time; at one time, what is due comes first.
#[derive(Debug, Clone)]
pub struct Neuron<'a> {
    course: Course<'a>,
    threshold: f64,
    end: f64,
    outlook: Outlook,
}

impl<'a> Neuron<'a> {
    /// As it starts at time zero, in a simulation up to and including `end`.
    pub fn new(body: &'a Body, end: f64) -> Self {
        let course = body.start();
        let mut neuron = Self { threshold: course.threshold(), course, end, outlook: Outlook::Quiet(0.0) };
        neuron.look_ahead();
        neuron
    }

    /// When it fires, or has to look further ahead, if no event comes before; `+inf` if neither happens up to the end.
    pub fn due(&self) -> f64 {
        match self.outlook {
            Outlook::Spike(time) => time,
            Outlook::Quiet(time) if time < self.end => time,
            Outlook::Quiet(_) => f64::INFINITY,
        }
    }

    /// Does what is [`due`](Self::due), which must be finite; whether that is a spike.
    pub fn proceed(&mut self) -> bool {
        self.course.coast(self.outlook.time());
        let fires = matches!(self.outlook, Outlook::Spike(_));
        if fires {
            self.course.fire();
        }
        self.look_ahead();
        fires
    }

    /// Events arrive together, each as input and jump of its current (see
    /// [`Dynamics::receive`](crate::dynamics::Dynamics::receive)), at a time before which nothing is due.
    pub fn receive(&mut self, time: f64, events: impl IntoIterator<Item = (usize, f64)>) {
        self.course.coast(time);
        for (input, jump) in events {
            self.course.receive(input, jump);
        }
        self.look_ahead();
    }

    /// Resets the membrane without a spike, at a time before which nothing is due.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a chip does to its neurons"))]
    pub fn force_reset(&mut self, time: f64) {
        self.course.coast(time);
        self.course.force_reset();
        self.look_ahead();
    }

    /// Changes the threshold, in potentials of the body, at a time before which nothing is due. A neuron that is above it
    /// fires at once.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a chip does to its neurons"))]
    pub fn set_threshold(&mut self, time: f64, threshold: f64) {
        self.course.coast(time);
        self.threshold = threshold;
        self.look_ahead();
    }

    /// The neuron at a time, not before the last event and not beyond [`due`](Self::due). Looking changes nothing.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a chip does to its neurons"))]
    pub fn view_at(&self, time: f64) -> View {
        self.course.view(time)
    }

    fn look_ahead(&mut self) {
        // The interval is searched a little beyond its end, so that what happens at the very end is found.
        self.outlook = match self.course.look_ahead(self.threshold, self.end.next_up()) {
            Outlook::Spike(time) if time > self.end => Outlook::Quiet(self.end),
            outlook => outlook,
        };
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use crate::membrane::Membrane;

    use super::*;

    #[test]
    fn it_is_reset_by_hand_looked_at_and_given_another_threshold() {
        let mut membrane = Membrane::new(6.0, 6.0, 6.0);
        (membrane.threshold, membrane.reset, membrane.refractory_us) = (1.0, -1.0, 2.0);
        let body = Body::Lif(membrane);
        let mut neuron = Neuron::new(&body, 100.0);
        neuron.receive(1.0, [input(0.6)]);
        let first = neuron.due();
        assert!(first > 1.0 && first < 4.0);
        let before = neuron.view_at(3.0);
        assert_relative_eq!(before.potential, 0.6 * 2.0 * libm::exp(-2.0 / 6.0), max_relative = 1e-14);
        assert_eq!((neuron.due(), neuron.view_at(3.0)), (first, before), "looking changes nothing");
        // Above every peak it stays silent; at the potential of the moment it fires at once.
        neuron.set_threshold(2.0, 2.0);
        assert_eq!(neuron.due(), f64::INFINITY);
        neuron.set_threshold(3.0, neuron.view_at(3.0).potential);
        assert_eq!(neuron.due(), 3.0);
        neuron.force_reset(3.0);
        assert_eq!(neuron.view_at(5.0).potential, -1.0);
        assert!(neuron.due() > 5.0);
    }
}
