//! What a command says while it works: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use calib::Step;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ttfs::train::EpochRecord;

/// Where words for people go: stdout, or stderr when stdout is for a machine.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// Whether words go to stderr.
    aside: bool,
    /// Whether the result goes to stdout.
    answers: bool,
    silent: bool,
}

impl Console {
    /// With `json`, stdout is kept free for one line of JSON.
    pub fn new(json: bool) -> Self {
        Self { aside: json, answers: json, silent: false }
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self { aside: true, answers: false, silent: true }
    }

    /// Says everything on stderr and prints no result: of a program that calls this one.
    pub fn aside() -> Self {
        Self { aside: true, answers: false, silent: false }
    }

    /// Whether there may be bars: on a terminal, unless nothing is to be said.
    fn has_bars(self) -> bool {
        !self.silent && std::io::stderr().is_terminal()
    }

    /// Says a line. A closed pipe is no reason to stop.
    pub fn say(self, line: impl std::fmt::Display) {
        if self.silent {
            return;
        }
        let _ = if self.aside { writeln!(std::io::stderr(), "{line}") } else { writeln!(std::io::stdout(), "{line}") };
    }

    /// Prints the result for a machine, if one listens.
    ///
    /// # Errors
    /// If it cannot be written; that nobody reads on is no error.
    pub fn result(self, json: &serde_json::Value) -> std::io::Result<()> {
        if !self.answers {
            return Ok(());
        }
        let mut stdout = std::io::stdout();
        match writeln!(stdout, "{json}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Progress over the routines of a calibration: each is said when it is done, with the time it took.
#[derive(Debug)]
pub struct Routines {
    console: Console,
    begun: Instant,
    running: Option<(Step, Instant, Option<ProgressBar>)>,
}

impl Routines {
    /// Nothing has begun.
    pub fn new(console: Console) -> Self {
        Self { console, begun: Instant::now(), running: None }
    }

    /// A routine begins, and the one before it is done.
    pub fn begin(&mut self, step: Step) {
        self.finish();
        let spinner = self.console.has_bars().then(|| {
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            spinner.set_message(format!("{:2}/{} {}", step.index, step.of, step.name));
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        self.running = Some((step, Instant::now(), spinner));
    }

    /// The running routine is done.
    pub fn finish(&mut self) {
        let Some((step, begun, spinner)) = self.running.take() else { return };
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        self.console.say(format_args!(
            "{:2}/{} {:<28} {:6.2} s   {:6.2} s in all",
            step.index,
            step.of,
            step.name,
            begun.elapsed().as_secs_f64(),
            self.begun.elapsed().as_secs_f64()
        ));
    }
}

/// Progress over epochs.
#[derive(Debug)]
pub struct Progress {
    console: Console,
    bar: Option<ProgressBar>,
    epochs: u32,
    samples_per_epoch: usize,
    begun: Instant,
    first_epoch: u32,
    said: Option<Instant>,
}

/// Without a terminal, a line appears at most this often (and for the first and the last epoch).
const QUIET: Duration = Duration::from_secs(2);

impl Progress {
    /// Begins at an epoch.
    pub fn new(console: Console, epochs: u32, done: u32, samples_per_epoch: usize) -> Self {
        let bar = console.has_bars().then(|| {
            let bar = ProgressBar::with_draw_target(Some(u64::from(epochs)), ProgressDrawTarget::stderr());
            // The template is a constant: if it did not parse, the default style would do.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} epoch {pos}/{len}  {msg}  ETA {eta}") {
                bar.set_style(style);
            }
            bar.set_position(u64::from(done));
            bar.reset_eta();
            bar
        });
        Self { console, bar, epochs, samples_per_epoch, begun: Instant::now(), first_epoch: done, said: None }
    }

    /// An epoch is finished.
    pub fn epoch(&mut self, record: &EpochRecord) {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let done = record.epoch - self.first_epoch;
        let speed = f64::from(done) * self.samples_per_epoch as f64 / elapsed;
        let text = format!(
            "loss {:.3}  train {:.2} %  validation {:.2} %  {:.0} samples/s",
            record.train.loss,
            100.0 * record.train.accuracy,
            100.0 * record.validation.accuracy,
            speed,
        );
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            bar.set_position(u64::from(record.epoch));
            return;
        }
        let last = record.epoch == self.epochs;
        if last || self.said.is_none_or(|at| at.elapsed() >= QUIET) {
            let left = elapsed / f64::from(done) * f64::from(self.epochs - record.epoch);
            self.console.say(format_args!("epoch {}/{}  {text}  ETA {left:.0} s", record.epoch, self.epochs));
            self.said = Some(Instant::now());
        }
    }

    /// No more epochs.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
            // The bar leaves the cursor behind itself.
            let _ = writeln!(std::io::stderr());
        }
    }
}
