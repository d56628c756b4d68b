//! Rebuilds when a file changes that `init` writes out.

fn main() {
    // A directory stands for all that is in it.
    for directory in ["policies", "schema", "tests/policies", "tests/callers"] {
        println!("cargo::rerun-if-changed={directory}");
    }
}
