//! `bss2 chip`: draw chips, look at them, and hold them against silicon.

mod describe;
mod draw;
mod experiments;
mod probe;
mod results;
mod show;
mod views;

pub use draw::run as draw;
pub use probe::run as probe;
pub use show::run as show;
