//! The classic socket system, complete and visible: its types are the diagram.
//!
//! ```text
//!              ┌──────── passive open ────────┐
//!   Socket ─▶ Bound ─▶ Listener ─▶ accept ────┐
//!      └──────┴───────▶ connect ──────────────┴▶ Connection ─▶ transfer ─▶ close ─▶ Closed
//!              └ active open ┘                  every step ─▶ Event ─▶ observers
//! ```

pub mod address;
mod five_tuple;
pub mod kernel;
pub mod call;

pub use call::{Call, Explained};
pub use five_tuple::{FiveTuple, Protocol};
pub use kernel::{Family, TcpInfo, TcpState};
