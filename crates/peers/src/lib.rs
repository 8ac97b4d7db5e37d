//! The same work done by `ft` and by the programs that it stands beside, measured in one run.
//!
//! Read in this order: [`contender`] has every program and every command line, [`process`] starts and
//! ends them and reads what they cost, [`pairs`] alternates slices of work, [`drive`] makes the work
//! and checks what arrives, [`group`] says what is asked for, and [`report`] writes it down.
//! [`floor`] has the least that a correct program does, to compare with.

pub mod contender;
pub mod drive;
pub mod floor;
pub mod group;
pub mod harness;
pub mod machine;
pub mod pairs;
pub mod process;
pub mod report;
pub mod row;
mod trouble;

pub use trouble::{Doing, Trouble};
