//! The command line of bss2: what users type, what they see, and the files of a run.

pub mod figures;
