//! What makes work for the contenders and checks what arrives, by the library's generator and, where
//! that does not reach, by hand: one bulk stream, the members of a hub, idle connections; or by programs
//! that make the work themselves.

pub mod bare;
pub mod control;
pub mod dialect;
pub mod generator;
pub mod held;
mod joining;
mod member;
pub mod members;
pub mod pattern;
pub mod programs;
pub mod stream;
pub mod transfer;
pub mod visits;
