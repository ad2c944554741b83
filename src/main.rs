//! The `chiaro` program.
fn main() {}
