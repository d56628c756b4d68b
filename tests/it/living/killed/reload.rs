//! A start finds whole files, whatever was in force when the program was killed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Kills;
use crate::living::swapped::{swap, swap_on};
use crate::over::Over;
use crate::sidecar::{Sidecar, Start};
use crate::tls::{Authority, HTTP1, Signed, connect, with_tls};

/// The time between two changes, a little longer than the files have to rest.
const PAUSE: Duration = Duration::from_millis(120);

/// The time that a sidecar answers before it is killed, at most.
const LIFE: Duration = Duration::from_millis(400);

const SCHEMA: &str = "entity User { on: Bool };
    entity File;
    action first, last, read appliesTo {principal: User, resource: File};";

/// Two files of policies of a set, of which one allows what the other set denies: of both together, mixed, two
/// questions are allowed that never are in one set.
fn policies(directory: &Path, first: &str, last: &str) {
    std::fs::create_dir_all(directory).unwrap();
    let policy = |name: &str, effect: &str| {
        let text = format!(
            "@id(\"{name}\")\n{effect} (principal, action == Action::\"{name}\", resource);\n\
             @id(\"{name}-read\")\npermit (principal, action == Action::\"read\", resource) when {{ principal.on }};\n"
        );
        std::fs::write(directory.join(format!("{name}.cedar")), text).unwrap();
    };
    policy("first", first);
    policy("last", last);
}

/// Entities of which one is on.
fn entities(directory: &Path, on: &str) {
    std::fs::create_dir_all(directory).unwrap();
    let user = |id: &str| json!({"uid": {"type": "User", "id": id}, "attrs": {"on": id == on}, "parents": []});
    let all = json!([user("first"), user("last"), {"uid": {"type": "File", "id": "f"}, "attrs": {}, "parents": []}]);
    std::fs::write(directory.join("entities.json"), all.to_string()).unwrap();
}

/// Of each pair one is allowed, in whatever state.
fn is_whole(sidecar: &Sidecar) {
    let question = |user: &str, action: &str| {
        json!({
            "principal": {"type": "User", "id": user},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "File", "id": "f"},
        })
    };
    let pairs = [
        question("first", "first"),
        question("first", "last"),
        question("first", "read"),
        question("last", "read"),
    ];
    let reply = sidecar.post("/v1/batch_is_authorized", &json!({"requests": pairs}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let json = reply.json();
    let allowed = [0, 1, 2, 3].map(|number| json["results"][number]["decision"] == "Allow");
    assert!(
        allowed[0] != allowed[1] && allowed[2] != allowed[3],
        "{}",
        reply.text
    );
}

#[test]
fn of_policies_and_of_entities() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    policies(&path("p1"), "permit", "forbid");
    policies(&path("p2"), "forbid", "permit");
    entities(&path("e1"), "first");
    entities(&path("e2"), "last");
    std::fs::write(path("s.cedarschema"), SCHEMA).unwrap();
    let links = [path("policies"), path("entities")];
    swap(&links[0], &path("p1"));
    swap(&links[1], &path("e1"));
    let text = |path: PathBuf| path.display().to_string();
    let tenancy = format!("entities:{}", text(path("entities/entities.json")));
    let start = || {
        Start::new()
            .with(&["--schema", &text(path("s.cedarschema"))])
            .with(&["--policies", &text(path("policies")), "--tenancy", &tenancy])
            .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "10ms")
            .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms")
    };
    let over = Over::default();
    std::thread::scope(|scope| {
        let _until = over.until();
        for (link, directories) in [
            (&links[0], [path("p1"), path("p2")]),
            (&links[1], [path("e1"), path("e2")]),
        ] {
            let over = &over;
            scope.spawn(move || swap_on(over, link, &directories, PAUSE));
        }
        let mut kills = Kills::new();
        for _ in 0..kills.number() {
            let sidecar = start().start();
            let (begun, life) = (Instant::now(), kills.within(LIFE));
            is_whole(&sidecar);
            while begun.elapsed() < life {
                is_whole(&sidecar);
            }
            // Dropping it kills it.
        }
    });
    is_whole(&start().start());
}

#[test]
fn of_a_certificate() {
    let place = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    let directories = ["first", "second"].map(|name| {
        let directory = place.path().join(name);
        ours.sign(name, "IP:127.0.0.1").put(&directory);
        directory
    });
    let link = place.path().join("tls");
    swap(&link, &directories[0]);
    let server = Signed {
        certificate: link.join("tls.crt"),
        key: link.join("tls.key"),
    };
    let over = Over::default();
    std::thread::scope(|scope| {
        let _until = over.until();
        let (over, link) = (&over, &link);
        scope.spawn(move || swap_on(over, link, &directories, PAUSE));
        let mut kills = Kills::new();
        for _ in 0..kills.number() {
            let sidecar = with_tls(Start::quickstart(), &server)
                .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "10ms")
                .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms")
                .start();
            let (begun, life) = (Instant::now(), kills.within(LIFE));
            loop {
                connect(&sidecar, ours.client(None, HTTP1)).is_served();
                if begun.elapsed() >= life {
                    break;
                }
            }
        }
    });
}
