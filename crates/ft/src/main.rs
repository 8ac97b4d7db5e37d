//! `ft`: open a port, call it, and see every connection.

mod plan;
mod args {
    #[allow(dead_code)]
    pub(crate) mod values;
}
#[allow(dead_code)]
mod explain;

fn main() {}
