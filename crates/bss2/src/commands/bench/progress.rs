//! Progress on stderr: a spinner or a bar on a terminal, one line per step elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A step under way; it ends when it is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

/// A step of unknown length begins.
pub fn step(name: &str) -> Running {
    Running::new(name, None)
}

/// A step of so many parts begins.
pub fn counted(name: &str, n: usize) -> Running {
    Running::new(name, Some(n as u64))
}

impl Running {
    fn new(name: &str, n: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(n, ProgressDrawTarget::stderr());
            let template = if n.is_some() { "{bar:30} {pos}/{len}  {msg}  ETA {eta}" } else { "{spinner} {msg}" };
            // The template is a constant: if it did not parse, the default style would do.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { name: name.to_owned(), begun: Instant::now(), bar }
    }

    /// So many more parts are done.
    pub fn done(&self, n: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(n as u64);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => eprintln!("{}: {:.1} s", self.name, self.begun.elapsed().as_secs_f64()),
        }
    }
}
