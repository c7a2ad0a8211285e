//! Tells cargo that the packs are part of the binary: `include_dir!` cannot say so on stable Rust.

fn main() {
    println!("cargo::rerun-if-changed=assets/packs");
}
