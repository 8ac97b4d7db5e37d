//! `ft`: open a port, call it, and see every connection.

#![allow(dead_code)]

mod plan;
mod args {
    #[allow(dead_code)]
    pub(crate) mod values;
}
#[allow(dead_code)]
mod explain;
mod report;
mod trace;

fn main() {}
