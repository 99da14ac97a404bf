//! `bss2 network`: trained networks as files.

mod convert;
mod show;

pub use convert::run as convert;
pub use show::run as show;
