//! A file of entities takes memory by its length, whatever it holds, or it is refused with the
//! setting that refuses it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::verdict;
use crate::sidecar::{Sidecar, Start};

const SCHEMA: &str = r"
entity Team in [Team];
entity User in [Team] = { name?: String, deep?: { a: Set<{ b: Set<Set<Set<Long>>> }> } }
  tags String;
entity Door;
action enter appliesTo { principal: User, resource: Door };
";

const POLICIES: &str = r#"
@id("p/admins") permit (principal in Team::"admins", action, resource);
"#;

const MEBIBYTE: usize = 1 << 20;

fn start(entities: impl FnOnce(&Path)) -> Start {
    let start = Start::new();
    fs::write(start.path("s.cedarschema"), SCHEMA).unwrap();
    fs::write(start.path("p.cedar"), POLICIES).unwrap();
    let file = start.path("entities.json");
    entities(&file);
    let place = |name: &str| start.path(name).display().to_string();
    let tenancy = format!("entities:{}", file.display());
    let (schema, policies) = (place("s.cedarschema"), place("p.cedar"));
    start.with(&[
        "--tenancy",
        &tenancy,
        "--schema",
        &schema,
        "--policies",
        &policies,
    ])
}

fn written(file: &Path, entities: impl Iterator<Item = Value>) {
    let mut out = std::io::BufWriter::new(File::create(file).unwrap());
    let door = json!({"uid": {"type": "Door", "id": "d"}, "attrs": {}, "parents": []});
    write!(out, "[{door}").unwrap();
    for entity in entities {
        write!(out, ",\n{entity}").unwrap();
    }
    writeln!(out, "]").unwrap();
}

fn in_teams(kind: &str, id: &str, teams: impl Iterator<Item = String>) -> Value {
    let parents = teams.map(|id| json!({"type": "Team", "id": id}));
    let parents: Vec<Value> = parents.collect();
    json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": parents})
}

/// Teams, each in the next, up to the admins; a user in the first.
fn chain(file: &Path, length: usize) {
    let name = |n: usize| match n == length {
        true => "admins".to_owned(),
        false => format!("t{n}"),
    };
    let teams = (0..length).map(|n| in_teams("Team", &name(n), [name(n + 1)].into_iter()));
    let user = in_teams("User", "u", [name(0)].into_iter());
    written(file, [user].into_iter().chain(teams));
}

fn asked(user: &str) -> Value {
    json!({
        "principal": {"type": "User", "id": user},
        "action": {"type": "Action", "id": "enter"},
        "resource": {"type": "Door", "id": "d"},
    })
}

/// The most memory that the process had, in bytes.
fn peak(sidecar: &Sidecar) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", sidecar.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().unwrap() << 10
}

#[track_caller]
fn is_refused(start: Start, words: &[&str]) {
    let (code, said) = start.fails();
    assert_eq!(code, 1, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}`: {said}");
    }
}

#[test]
fn a_chain_that_is_too_long_is_refused() {
    for length in [1001, 6000, 20_000] {
        let too_long = start(|file| chain(file, length));
        is_refused(
            too_long,
            &[
                "more than 1000 ancestors",
                "`entities.ancestors`",
                "entities.json",
            ],
        );
    }
    let sidecar = start(|file| chain(file, 999)).start();
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
}

/// In memory are the parents, and of an entity that is asked for its ancestors.
#[test]
fn a_long_chain_takes_memory_by_its_length() {
    let sidecar = start(|file| chain(file, 20_000))
        .variable("PEPPOL_AUTHZ_ENTITIES__ANCESTORS", "50000")
        .start();
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    let peak = peak(&sidecar);
    assert!(peak < 200 * MEBIBYTE, "{} MiB", peak / MEBIBYTE);
}

/// On many ways to few teams: they are counted once.
#[test]
fn ancestors_on_many_ways_count_once() {
    let layers = |file: &Path| {
        let name = |layer: usize, n: usize| match layer {
            60 => "admins".to_owned(),
            _ => format!("t{layer}-{n}"),
        };
        let teams = (0..60).flat_map(|layer| {
            (0..10).map(move |n| {
                let above = (0..10).map(|n| name(layer + 1, n));
                let mut above: Vec<String> = above.collect();
                above.dedup();
                in_teams("Team", &name(layer, n), above.into_iter())
            })
        });
        let user = in_teams("User", "u", [name(0, 0)].into_iter());
        written(file, [user].into_iter().chain(teams));
    };
    let sidecar = start(layers).start();
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    let low = start(layers).variable("PEPPOL_AUTHZ_ENTITIES__ANCESTORS", "100");
    is_refused(low, &["more than 100 ancestors"]);
}

#[test]
fn a_circle_of_any_length_is_refused() {
    for length in [1, 2, 20_000] {
        let circle = start(|file| {
            let name = |n: usize| format!("t{n}");
            let teams = (0..length)
                .map(|n| in_teams("Team", &name(n), [name((n + 1) % length)].into_iter()));
            written(file, teams);
        });
        is_refused(circle, &["an entity is its own ancestor", "Team::"]);
    }
}

#[test]
fn many_parents_of_one_entity() {
    let wide = |file: &Path| {
        let teams = (0..100_000).map(|n| match n {
            0 => "admins".to_owned(),
            _ => format!("t{n}"),
        });
        written(file, [in_teams("User", "u", teams)].into_iter());
    };
    is_refused(start(wide), &["more than 1000 ancestors"]);
    let sidecar = start(wide)
        .variable("PEPPOL_AUTHZ_ENTITIES__ANCESTORS", "100000")
        .start();
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    let peak = peak(&sidecar);
    assert!(peak < 400 * MEBIBYTE, "{} MiB", peak / MEBIBYTE);
}

#[test]
fn many_entities_in_many_groups() {
    let team = |n: usize| match n % 100 {
        0 => "admins".to_owned(),
        n => format!("t{n}"),
    };
    let sidecar = start(|file| {
        let users = (0..50_000).map(|n| {
            let teams = (0..5).map(|i| team(n + 7 * i));
            in_teams("User", &format!("u{n}"), teams)
        });
        written(file, users);
    })
    .start();
    assert_eq!(verdict(&sidecar.ask(&asked("u0"))), "Allow");
    assert_eq!(verdict(&sidecar.ask(&asked("u49950"))), "NOT_PERMITTED");
    let peak = peak(&sidecar);
    assert!(peak < 500 * MEBIBYTE, "{} MiB", peak / MEBIBYTE);
}

#[test]
fn a_long_text_and_many_tags() {
    let long = "a".repeat(8 * MEBIBYTE);
    let tags = (0..20_000).map(|n| (format!("k{n}"), json!("v")));
    let tags: serde_json::Map<String, Value> = tags.collect();
    let mut user = in_teams("User", "u", ["admins".to_owned()].into_iter());
    user["attrs"]["name"] = json!(long);
    user["tags"] = Value::Object(tags);
    let sidecar = start(|file| written(file, [user].into_iter())).start();
    for _ in 0..3 {
        assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    }
    let peak = peak(&sidecar);
    assert!(peak < 400 * MEBIBYTE, "{} MiB", peak / MEBIBYTE);
}

#[test]
fn values_that_are_nested_too_deep_are_refused() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [5, 99, 200, 100_000, 5_000_000] {
        let text = format!(
            r#"[{{"uid": {{"type": "User", "id": "u"}}, "attrs": {{"name": {}}}, "parents": []}}]"#,
            nested(depth)
        );
        is_refused(
            start(|file| fs::write(file, text).unwrap()),
            &["entities.json"],
        );
    }
}

/// Three gigabytes, of which the disk has nothing.
fn sparse(file: &Path) {
    File::create(file).unwrap().set_len(3 << 30).unwrap();
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let words = [
        "longer than 67108864 bytes",
        "`entities.bytes`",
        "entities.json",
    ];
    is_refused(start(sparse), &words);
    let long = start(|file| chain(file, 100)).variable("PEPPOL_AUTHZ_ENTITIES__BYTES", "1024");
    is_refused(long, &["longer than 1024 bytes", "`entities.bytes`"]);
    // By a command too.
    let directory = tempfile::tempdir().unwrap();
    sparse(&directory.path().join("entities.json"));
    let output = crate::sidecar::program()
        .current_dir(directory.path())
        .args(["authorize", "--tenancy", "entities:entities.json"])
        .args([
            "--principal",
            "Peppol::User::\"u\"",
            "--action",
            "getOrganisation",
        ])
        .args(["--resource", "Peppol::Organisation::\"o\""])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`entities.bytes`"), "{said}");
}

#[test]
fn a_file_that_has_become_too_long_is_not_read() {
    let sidecar = start(|file| chain(file, 10))
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h")
        .start();
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    let file = sidecar.path("entities.json");
    let other = file.with_extension("new");
    sparse(&other);
    fs::rename(&other, &file).unwrap();
    let refused = "changed entities are refused; those before stay in force";
    let fault = sidecar.wait_for_log(refused)["fault"].clone();
    let fault = fault.as_str().unwrap();
    assert!(fault.contains("`entities.bytes`"), "{fault}");
    assert_eq!(verdict(&sidecar.ask(&asked("u"))), "Allow");
    let mut demanding = asked("u");
    demanding["maxAge"] = json!("0s");
    let reply = sidecar.post("/v1/is_authorized", &demanding);
    assert_eq!(reply.status, 503, "{}", reply.text);
    // And so is one whose hierarchy has grown too high.
    for (length, word) in [(2000, "`entities.ancestors`"), (20_000, "ancestors")] {
        chain(&other, length);
        fs::rename(&other, &file).unwrap();
        let fault = sidecar.wait_for_log(refused)["fault"].clone();
        let fault = fault.as_str().unwrap();
        assert!(fault.contains(word), "{fault}");
    }
    let peak = peak(&sidecar);
    assert!(peak < 300 * MEBIBYTE, "{} MiB", peak / MEBIBYTE);
}
