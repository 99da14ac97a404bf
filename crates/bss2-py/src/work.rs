//! Where work is done: on threads of the package's own, with Python's lock released, watched for Ctrl-C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::{Bss2Error, InternalError};

/// Between two looks for signals.
const LOOK: Duration = Duration::from_millis(50);

static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

fn build(threads: usize) -> PyResult<Arc<ThreadPool>> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map(Arc::new).map_err(|error| Bss2Error::new_err(format!("cannot start the threads: {error}")))
}

/// The threads; as many as there are cores, unless somebody said otherwise.
fn pool() -> PyResult<Arc<ThreadPool>> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match &*pool {
        Some(pool) => Ok(Arc::clone(pool)),
        None => Ok(Arc::clone(pool.insert(build(0)?))),
    }
}

/// `n` threads from the next call on; 0: one for each core.
#[pyfunction]
pub fn set_threads(n: usize) -> PyResult<()> {
    let new = build(n)?;
    *POOL.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    Ok(())
}

/// Threads that calls compute with.
#[pyfunction]
pub fn threads() -> PyResult<usize> {
    Ok(pool()?.current_num_threads())
}

/// The command line `bss2`; its exit code. For the console script alone: it catches signals as a program does.
#[pyfunction]
pub fn main(py: Python<'_>, arguments: Vec<String>) -> u8 {
    let code = py.detach(|| bss2::run(arguments.into_iter().map(Into::into)));
    // An exit code tells its number to nobody but the system; these are all that the program has.
    (0..=u8::MAX).find(|n| std::process::ExitCode::from(*n) == code).unwrap_or(1)
}

/// Panics on purpose, so that a test can see what becomes of it.
#[pyfunction]
pub fn fail(py: Python<'_>) -> PyResult<()> {
    compute(py, &AtomicBool::new(false), || panic!("on purpose"))
}

/// Does work on the package's threads. Ctrl-C sets `stop` and is raised when the work has ended; a panic becomes an exception.
pub fn compute<T: Send>(py: Python<'_>, stop: &AtomicBool, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let pool = pool()?;
    let (outcome, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (done, finished) = sync_channel::<()>(1);
            let worker = scope.spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| pool.install(work)));
                drop(done);
                outcome
            });
            let mut raised = None;
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(LOOK) {
                if raised.is_none()
                    && let Err(error) = look_for_signals()
                {
                    stop.store(true, Ordering::SeqCst);
                    raised = Some(error);
                }
            }
            (worker.join().unwrap_or_else(Err), raised)
        })
    });
    match (raised, outcome) {
        (Some(error), _) => Err(error),
        (None, Ok(value)) => Ok(value),
        (None, Err(panic)) => Err(of_panic(panic.as_ref())),
    }
}

/// Raises what a signal handler of Python raises.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general enough over lifetimes")]
fn look_for_signals() -> PyResult<()> {
    Python::attach(|py| py.check_signals())
}

fn of_panic(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    InternalError::new_err(format!("an error of bss2_emu itself, please report it: {text}"))
}
