//! The programs of `ft code`: written, compiled, started, and held to what `ft` itself does.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod cell;
pub(crate) mod hold;
pub(crate) mod mask;
pub(crate) mod script;
pub(crate) mod source;
pub(crate) mod special;
pub(crate) mod stage;
pub(crate) mod tongue;
pub(crate) mod wire;
