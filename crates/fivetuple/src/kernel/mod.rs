//! Everything that asks Linux for what the safe crates do not cover; the only place with `unsafe`.
#![allow(unsafe_code)]
