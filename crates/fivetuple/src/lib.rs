//! The classic socket system, complete and visible: its types are the diagram.
//!
//! ```text
//!              ┌──────── passive open ────────┐
//!   Socket ─▶ Bound ─▶ Listener ─▶ accept ────┐
//!      └──────┴───────▶ connect ──────────────┴▶ Connection ─▶ transfer ─▶ close ─▶ Closed
//!              └ active open ┘                  every step ─▶ Event ─▶ observers
//! ```

pub mod address;
pub mod call;
mod five_tuple;
pub mod kernel;

pub use five_tuple::{FiveTuple, Protocol};
