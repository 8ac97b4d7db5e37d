//! Who stands beside `ft`: the programs, where they come from, and how each is started for which
//! work.

mod program;
mod recipe;
pub mod recipes;

pub use program::Program;
pub use recipe::{Places, Recipe, TEXT};
