//! The engine inside of another program: the example is run, and what it brings along is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use peppol_authz_engine::policy::load;
use peppol_authz_engine::schema::{Record, Value};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Engine, Failure, Question, Session, Verdict};

#[path = "../examples/embed.rs"]
#[allow(dead_code)]
mod embed;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
}

#[test]
fn the_example_allows_one_question_and_denies_the_other() {
    let engine = embed::engine().unwrap();
    let decisions = runtime()
        .unwrap()
        .block_on(embed::decisions(engine.session()));
    let decisions = decisions.unwrap();
    let verdicts: Vec<_> = decisions.iter().map(|decision| decision.verdict).collect();
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny]);
    for decision in &decisions {
        assert!(embed::line(decision).len() > "Allow: ".len());
    }
}

/// A session can be sent to other threads, and needs the engine no longer.
#[test]
fn a_session_outlives_its_engine() {
    fn sendable<T: Send + Sync + Clone + 'static>(_: &T) {}
    let engine = embed::engine().unwrap();
    let session = engine.session();
    sendable::<Session>(&session);
    drop(engine);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    let decided = runtime.spawn(embed::decisions(session));
    assert_eq!(runtime.block_on(decided).unwrap().unwrap().len(), 2);
}

#[test]
fn a_question_of_values_is_read_as_strictly_as_one_of_json() {
    let engine: Engine = embed::engine().unwrap();
    let bundle = &engine.state().bundle;
    let ask = |principal: &str, action: &str, resource: &str, context: &Record| {
        let uids = [principal, action, resource].map(|text| text.parse().unwrap());
        let [principal, action, resource] = &uids;
        Question::new(bundle, principal, action, resource, context)
    };
    let (user, acme) = ("Peppol::User::\"anna\"", "Peppol::Organisation::\"acme\"");
    let get = "Peppol::Action::\"getOrganisation\"";
    let none = Record::new();
    assert!(ask(user, get, acme, &none).is_ok());
    let unknown = ask(user, "Peppol::Action::\"dance\"", acme, &none).unwrap_err();
    assert_eq!(unknown.code, "UNKNOWN_ACTION");
    let surplus = Record::from([("surplus".into(), Value::Bool(true))]);
    for (principal, resource, context, member) in [
        (acme, acme, &none, "principal"),
        (user, user, &none, "resource"),
        ("Peppol::Mode::\"NONE\"", acme, &none, "principal"),
        ("Other::\"x\"", acme, &none, "principal"),
        (user, acme, &surplus, "context"),
    ] {
        let refused = ask(principal, get, resource, context).unwrap_err();
        let error: &dyn std::error::Error = &refused;
        assert!(error.to_string().contains(member), "{error}");
    }
}

/// Policies that are nested as deep as they may be are decided on any stack that the engine
/// decides on, and no decision is made on a smaller one.
#[test]
fn a_stack_that_is_too_small_is_refused_and_never_denied_or_allowed_by() {
    let depth = peppol_authz_engine::policy::MAX_DEPTH - 10;
    let conditions = [
        format!("{}true", "false || ".repeat(depth)),
        format!("{}true{}", "!(".repeat(60), ")".repeat(60)),
    ];
    for condition in conditions {
        let mut sources = peppol_authz_engine::policy::Sources::shipped();
        let file = |text: String| {
            std::sync::Arc::new(peppol_authz_engine::policy::SourceFile {
                name: "test".to_owned(),
                path: None,
                text,
            })
        };
        sources.schema = file(
            "entity U; entity R; action a appliesTo { principal: U, resource: R };".to_owned(),
        );
        let policy =
            format!("@id(\"p/deep\") permit (principal, action, resource) when {{ {condition} }};");
        sources.policies = vec![file(policy)];
        sources.rules = None;
        sources.routes = None;
        let Ok(bundle) = load(&sources) else {
            panic!("{:?}", load(&sources).map(|_| ()));
        };
        let store = peppol_authz_engine::store::EntitiesFile::parse(
            br#"[{"uid": {"type": "U", "id": "u"}, "attrs": {}, "parents": []},
                 {"uid": {"type": "R", "id": "r"}, "attrs": {}, "parents": []}]"#,
        );
        let options = peppol_authz_engine::EngineOptions {
            cache_bytes: 0,
            decision_bytes: 0,
            freshness: peppol_authz_engine::slice::Freshness::EACH,
        };
        let bundle = std::sync::Arc::new(bundle);
        let engine = Engine::new(std::sync::Arc::new(store.unwrap()), bundle, options).unwrap();
        let mut refused = 0;
        let mut decided = 0;
        for bytes in (8..=40).map(|n| n << 16) {
            let session = engine.session();
            let thread = std::thread::Builder::new().stack_size(bytes);
            let ended = thread.spawn(move || {
                let bundle = &session.state.bundle;
                let uid = |text: &str| text.parse().unwrap();
                let (u, a, r) = (uid("U::\"u\""), uid("Action::\"a\""), uid("R::\"r\""));
                let question = Question::new(bundle, &u, &a, &r, &Record::new()).unwrap();
                runtime()
                    .unwrap()
                    .block_on(session.decide(&question, &Demand::default()))
            });
            match ended.unwrap().join().unwrap() {
                Err(Failure::SmallStack { .. }) => refused += 1,
                Ok(decision) => {
                    assert_eq!(decision.errors, Vec::<String>::new(), "{bytes}");
                    decided += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0 && decided > 0, "{refused} {decided}");
    }
}

/// Nothing of HTTP, of the command line or of a database is among what the engine needs.
#[test]
fn the_engine_brings_no_http_along() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(lock).unwrap().parse().unwrap();
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let own = package.get("dependencies").and_then(toml::Value::as_array);
        let own = own.into_iter().flatten().filter_map(toml::Value::as_str);
        // `name version` where there are several versions.
        let own = own.filter_map(|needed| needed.split(' ').next());
        needs.entry(name).or_default().extend(own);
    }
    let mut found = BTreeSet::new();
    let mut next = vec!["peppol-authz-engine"];
    while let Some(name) = next.pop() {
        if found.insert(name) {
            next.extend(&needs[name]);
        }
    }
    assert!(found.contains("cedar-policy"));
    for other in [
        "axum",
        "hyper",
        "tonic",
        "tower",
        "clap",
        "rusqlite",
        "tokio-postgres",
        "rustls",
    ] {
        assert!(!found.contains(other), "{other}");
    }
}
