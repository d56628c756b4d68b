//! An export leaves the file before it, or is whole.

use super::{Kills, time};
use crate::living::{State, done, files};
use crate::sidecar::program;

#[test]
fn over_the_one_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (documents, source) = (path("a.ndjson"), format!("sqlite:{}", path("tenancy.db")));
    std::fs::write(&documents, State::First.documents(2000)).unwrap();
    done(&["import", "--tenancy", &source, &documents]);
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("backup.ndjson");
    let arguments = ["export", "--tenancy", &source, file.to_str().unwrap()];
    let (_, time) = time(|| done(&arguments));
    let whole = std::fs::read_to_string(&file).unwrap();
    let mut kills = Kills::new();
    for _ in 0..kills.number() {
        std::fs::write(&file, "before").unwrap();
        kills.kill(program().args(arguments), time.mul_f64(1.1));
        let found = std::fs::read_to_string(&file).unwrap();
        assert!(found == "before" || found == whole, "{} bytes", found.len());
        // Nor is anything beside it.
        assert_eq!(files(target.path()), ["backup.ndjson"]);
    }
}
