//! Rebuilds when a file that the crate embeds changes.

fn main() {
    // A directory stands for all that is in it.
    println!("cargo::rerun-if-changed=../../policies");
}
