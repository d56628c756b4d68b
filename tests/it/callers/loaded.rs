//! Each load while the program runs, taken or refused, is a line of the decision log.

use std::path::Path;

use super::administration::{OPEN, acts, entity, read, start};
use super::*;
use crate::gateway::tokens::Key;

/// The lines of loads, without id and time.
fn loads(log: &Path) -> Vec<Value> {
    let acts = acts(log).into_iter();
    let loads = acts.filter(|line| line["surface"] == "loading");
    let members = loads.map(|mut line| {
        assert!(line["id"].is_string() && line["time"].is_string(), "{line}");
        line["administration"].take()
    });
    members.collect()
}

/// Waits for the newest line of a load, and takes its revision out.
fn newest(log: &Path, number: usize) -> (Value, String) {
    until("the load has a line", || loads(log).len() >= number);
    let all = loads(log);
    assert_eq!(all.len(), number, "{all:?}");
    let mut last = all[number - 1].clone();
    let revision = last.as_object_mut().unwrap().remove("revision");
    let revision = revision.map_or(String::new(), |it| it.as_str().unwrap().to_owned());
    (last, revision)
}

fn taken(part: &str, name: Option<&str>) -> Value {
    let mut load = json!({"act": "load", "part": part, "outcome": "taken"});
    if let Some(name) = name {
        load["name"] = name.into();
    }
    load
}

fn refused(part: &str, name: Option<&str>) -> Value {
    let mut load = taken(part, name);
    load["outcome"] = "refused".into();
    load["faults"] = 1.into();
    load
}

fn sha256(file: &Path) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

#[test]
fn each_load_has_a_line_with_its_digest_and_no_secret() {
    let ours = Authority::new();
    let (start, log) = start();
    let own = start.path("callers");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("own.cedar"), OPEN).unwrap();
    let (keys, tokens) = (start.path("callers.toml"), start.path("keys.json"));
    let of_file = |name: &str| format!("[[key]]\n{}\n", entry_lines(name));
    std::fs::write(&keys, of_file("first")).unwrap();
    let signer = Key::new();
    std::fs::write(&tokens, signer.set().to_string()).unwrap();
    let text = format!(
        "[callers]\npolicies = \"{}\"\nfile = \"{}\"\naudience = \"authz\"\n[jwt]\njwks = \"{}\"\n\
         issuer = \"https://login.example.com/\"\naudience = \"x\"\nrefresh = \"1s\"\n",
        own.display(),
        keys.display(),
        tokens.display(),
    );
    let signed = ours.sign("server", "IP:127.0.0.1");
    let sidecar = with_tls(with_settings(start, &text), &signed).start();
    let mut connection = connect(&sidecar, ours.client(None, HTTP1));
    is_allowed(&send(&mut connection, DECIDE, &[], &read()));

    // Each is told once: the next line is that of the next load.
    let mut number = 0;
    let mut next = || {
        number += 1;
        sidecar.signal("HUP");
        newest(&log, number)
    };
    let policies = sidecar.path("policies/p.cedar");
    std::fs::write(&policies, format!("// changed\n{OPEN}")).unwrap();
    let (load, revision) = next();
    assert_eq!(load, taken("policies", None));
    let reply = send(&mut connection, DECIDE, &[], &read()).json();
    assert_eq!(reply["policyRevision"], revision.as_str());
    std::fs::write(&policies, "permit (").unwrap();
    assert_eq!(next().0, refused("policies", None));
    std::fs::write(&policies, OPEN).unwrap();
    assert_eq!(next().0, taken("policies", None));

    let entities = sidecar.path("entities.json");
    let secret = entity("User", "secret-name");
    let all = json!([entity("User", "u"), entity("File", "f"), secret]).to_string();
    std::fs::write(&entities, &all).unwrap();
    let (load, revision) = next();
    assert_eq!(load, taken("entities", None));
    assert!(!revision.is_empty());
    std::fs::write(&entities, all.replace("\"User\"", "\"secret-name\"")).unwrap();
    assert_eq!(next().0, refused("entities", None));
    std::fs::write(&entities, json!([]).to_string()).unwrap();
    assert_eq!(next().0, taken("entities", None));

    let own = own.join("own.cedar");
    std::fs::write(&own, format!("// changed\n{OPEN}")).unwrap();
    assert_eq!(next().0, taken("policies of callers", None));
    std::fs::write(&own, "permit (").unwrap();
    assert_eq!(next().0, refused("policies of callers", None));
    std::fs::write(&own, OPEN).unwrap();
    assert_eq!(next().0, taken("policies of callers", None));

    std::fs::write(&keys, of_file("second")).unwrap();
    let (load, revision) = next();
    assert_eq!(load, taken("keys", Some("callers")));
    assert_eq!(revision, sha256(&keys));
    std::fs::write(&keys, format!("[[key]]\nname = \"{}\"\n", key("first"))).unwrap();
    assert_eq!(next().0, refused("keys", Some("callers")));
    std::fs::write(&keys, of_file("second")).unwrap();
    assert_eq!(next().0, taken("keys", Some("callers")));

    let certificate = signed.certificate.display().to_string();
    let other = ours.sign("next", "IP:127.0.0.1");
    std::fs::copy(&other.key, &signed.key).unwrap();
    std::fs::copy(&other.certificate, &signed.certificate).unwrap();
    let (load, revision) = next();
    assert_eq!(load, taken("certificate", Some(&certificate)));
    assert_eq!(revision.len(), 64, "{revision}");
    std::fs::write(&signed.certificate, "no certificate").unwrap();
    assert_eq!(next().0, refused("certificate", Some(&certificate)));
    std::fs::copy(&other.certificate, &signed.certificate).unwrap();
    assert_eq!(next().0, taken("certificate", Some(&certificate)));

    // These are looked at by themselves, once for users and once for callers.
    let name = tokens.display().to_string();
    let of_tokens = || -> Vec<Value> {
        let loads = loads(&log).into_iter();
        loads.filter(|it| it["part"] == "keys of tokens").collect()
    };
    std::fs::write(&tokens, Key::new().set().to_string()).unwrap();
    until("both have new keys", || of_tokens().len() == 2);
    let revision = sha256(&tokens);
    for mut load in of_tokens() {
        assert_eq!(load["revision"].take(), revision.as_str());
        load.as_object_mut().unwrap().remove("revision");
        assert_eq!(load, taken("keys of tokens", Some(&name)));
    }
    std::fs::write(&tokens, "{}").unwrap();
    until("both refuse it", || of_tokens().len() == 4);
    for load in &of_tokens()[2..] {
        assert_eq!(*load, refused("keys of tokens", Some(&name)));
    }
    for _ in 0..5 {
        sidecar.wait_for_log("the keys of tokens cannot be looked at");
    }
    assert_eq!(of_tokens().len(), 4, "a refusal is noted once");

    let text = std::fs::read_to_string(&log).unwrap();
    for secret in [key("first"), key("second"), "secret-name".to_owned()] {
        assert!(!text.contains(&secret), "{secret}: {text}");
    }
}

/// An entry of a file of keys.
fn entry_lines(name: &str) -> String {
    let hash = hash_of_api_key(&key(name)).unwrap();
    format!("name = \"{name}\"\nhash = \"{hash}\"\nclaims = {{ roles = [\"decide\"] }}")
}
