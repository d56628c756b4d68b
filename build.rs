fn main() {
    for path in ["schema", "policies"] {
        println!("cargo:rerun-if-changed={path}");
    }
}
