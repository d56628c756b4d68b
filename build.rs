//! Rebuilds when a file that the binary embeds changes.

fn main() {
    for path in ["schema", "policies"] {
        // A directory stands for all that is in it.
        println!("cargo::rerun-if-changed={path}");
    }
}
