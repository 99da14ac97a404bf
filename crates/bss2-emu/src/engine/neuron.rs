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
    /// What it does next, once somebody has asked.
    outlook: Option<Outlook>,
    /// As it was seen last since the last event, with the time.
    seen: Option<(f64, Course<'a>)>,
}

impl<'a> Neuron<'a> {
    /// As it starts at time zero, in a simulation up to and including `end`.
    pub fn new(body: &'a Body, end: f64) -> Self {
        let course = body.start();
        Self { threshold: course.threshold(), course, end, outlook: None, seen: None }
    }

    /// Changes the threshold, in potentials of the body, at a time before which nothing is due. A neuron that is above it
    /// fires at once.
    pub fn set_threshold(&mut self, time: f64, threshold: f64) {
        self.course.coast(time);
        self.threshold = threshold;
        self.outlook = None;
    }

    /// When it fires, or has to look further ahead, if no event comes before; `+inf` if neither happens up to the end.
    pub fn due(&mut self) -> f64 {
        match self.outlook() {
            Outlook::Spike(time) => time,
            Outlook::Quiet(time) if time < self.end => time,
            Outlook::Quiet(_) => f64::INFINITY,
        }
    }

    /// Does what is [`due`](Self::due), which must be finite; whether that is a spike.
    pub fn proceed(&mut self) -> bool {
        let outlook = self.outlook();
        self.course.coast(outlook.time());
        let fires = matches!(outlook, Outlook::Spike(_));
        if fires {
            self.course.fire();
        }
        self.forget();
        fires
    }

    /// Events arrive together, each as input and jump of its current (see
    /// [`Dynamics::receive`](crate::dynamics::Dynamics::receive)), at a time before which nothing is due.
    pub fn receive(&mut self, time: f64, events: impl IntoIterator<Item = (usize, f64)>) {
        self.course.coast(time);
        for (input, jump) in events {
            self.course.receive(input, jump);
        }
        self.forget();
    }

    /// Resets the membrane without a spike, at a time before which nothing is due.
    pub fn force_reset(&mut self, time: f64) {
        self.course.coast(time);
        self.course.force_reset();
        self.forget();
    }

    /// The neuron at a time, not before the last event and not beyond [`due`](Self::due). Looking changes nothing; who looks often is
    /// served from where he looked last.
    pub fn view_at(&mut self, time: f64) -> View {
        let seen = match &mut self.seen {
            Some((last, course)) if *last <= time => {
                *last = time;
                course
            }
            seen => &mut seen.insert((time, self.course.clone())).1,
        };
        seen.coast(time);
        seen.view(time)
    }

    /// The neuron has moved: what was found out about it is void.
    fn forget(&mut self) {
        self.outlook = None;
        self.seen = None;
    }

    fn outlook(&mut self) -> Outlook {
        if let Some(outlook) = self.outlook {
            return outlook;
        }
        // The interval is searched a little beyond its end, so that what happens at the very end is found.
        let outlook = match self.course.look_ahead(self.threshold, self.end.next_up()) {
            Outlook::Spike(time) if time > self.end => Outlook::Quiet(self.end),
            outlook => outlook,
        };
        self.outlook = Some(outlook);
        outlook
    }
}
