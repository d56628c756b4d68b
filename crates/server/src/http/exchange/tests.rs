//! There is one way, as the texts of the surfaces show.

use std::path::Path;

/// The files below a directory, with their texts.
fn files(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

/// Only these make what no answer should be made without.
const MAKERS: [(&str, &str); 6] = [
    ("engine.session()", "exchange/open.rs"),
    ("request_timeout, ", "exchange/open.rs"),
    (".ready_to_answer()", "exchange/open.rs"),
    ("Decided {", "exchange/given.rs"),
    (".take(Arc::clone(decided))", "exchange/given.rs"),
    ("shadow.offer(", "exchange/given.rs"),
];

#[test]
fn no_surface_has_a_way_of_its_own() {
    let mut all = Vec::new();
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    files(&http, &mut all);
    assert!(all.len() > 80);
    for (made, maker) in MAKERS {
        let makers = all.iter().filter(|(_, text)| text.contains(made));
        let mut makers: Vec<&str> = makers.map(|(path, _)| path.as_str()).collect();
        makers.retain(|path| !path.ends_with("exchange/tests.rs"));
        // The document needs a store that has told which types it serves; the entities, and the ids and reviews of the
        // console, are no answer.
        let others = ["http/router.rs", "http/agent.rs", "http/desk.rs"];
        let is_other = |path: &&str| others.iter().any(|other| path.ends_with(other));
        makers.retain(|path| made != ".ready_to_answer()" || !is_other(path));
        assert_eq!(makers.len(), 1, "{made}: {makers:?}");
        assert!(makers[0].ends_with(maker), "{made}: {makers:?}");
    }
}
