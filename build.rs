//! Tells cargo that the packs are part of the binary: `include_dir!` cannot say so on stable Rust.
#![expect(clippy::print_stdout, reason = "cargo reads a build script's standard output")]

fn main() {
    println!("cargo::rerun-if-changed=assets/packs");
}
