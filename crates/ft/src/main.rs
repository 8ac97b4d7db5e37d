//! `ft`: open a port, call it, and see every connection.

fn main() {}
