//! `review`: every right that there is, and no other.

mod exhaustive;
mod many;
mod used;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{HeldStore, Store};
use peppol_authz_engine::{Engine, EngineOptions, ReviewScope, Right};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deciding::{Deciding, open};
use crate::other_commands::{FIXTURE, tester};
use crate::postgres::server::SHARED;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::rules::vocabulary::ACTIONS;
use crate::sidecar::program;
use crate::store::{import, uid};
use exhaustive::{contexts, exhaustive};

/// A right with its obligations, as texts.
type Rights = BTreeMap<[String; 4], BTreeSet<String>>;

/// A store with what is reviewed of it.
struct Reviewed {
    directory: TempDir,
    source: String,
}

/// The end of a command.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the command over a store.
fn review_of(tenancy: &str, arguments: &[&str]) -> Done {
    let output = program()
        .args(["review", "--tenancy", tenancy])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Reviewed {
    fn of(documents: &[Value]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = format!("sqlite:{}", directory.path().join("tenancy.db").display());
        let reviewed = Self { directory, source };
        reviewed.import(documents);
        reviewed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn import(&self, documents: &[Value]) {
        let file = self.path("documents.ndjson");
        let text: String = documents.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&file, text).unwrap();
        let done = program()
            .args(["import", "--tenancy", &self.source])
            .arg(&file)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn run(&self, arguments: &[&str]) -> Done {
        review_of(&self.source, arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[&["--format", "json"], arguments].concat());
        assert_eq!(done.code, Some(0), "{done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }
}

fn rights(review: &Value, member: &str) -> Rights {
    let mut rights = Rights::new();
    for right in review[member].as_array().unwrap() {
        let text = |member: &str| right[member].as_str().unwrap().to_owned();
        assert!(!right["policies"].as_array().unwrap().is_empty(), "{right}");
        assert!(!right["rules"].as_array().unwrap().is_empty(), "{right}");
        let obligations = right["obligations"].as_array().unwrap().iter();
        let obligations = obligations.map(|it| it.as_str().unwrap().to_owned());
        let key = [
            text("principal"),
            text("action"),
            right["context"].to_string(),
            text("resource"),
        ];
        assert!(
            rights.insert(key, obligations.collect()).is_none(),
            "{right} is there twice"
        );
    }
    rights
}

/// The actions that a review names as open.
fn open_actions(review: &Value) -> BTreeSet<&str> {
    let all = review["open"].as_array().unwrap().iter();
    let all = all.filter(|it| it["reviewed"] == "not at all");
    all.map(|it| it["action"].as_str().unwrap()).collect()
}

/// Of so many rights one is explained again.
const SAMPLE: usize = 23;

/// How many tenancies are reviewed; `REVIEW_TENANCIES` is for a longer run.
fn tenancies() -> u64 {
    let set = std::env::var("REVIEW_TENANCIES").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(10)
}

/// Reviews a store on the worker of an engine.
fn found(worker: &Deciding, store: &Arc<dyn Store>, scope: ReviewScope, workers: usize) -> Rights {
    let store = Arc::clone(store);
    worker.work(move |engine| async move {
        let bundle = Arc::clone(&engine.state().bundle);
        let held = HeldStore::of(store, &bundle.schema).await.unwrap();
        let options = EngineOptions {
            decision_bytes: 0,
            cache_bytes: 1 << 24,
            freshness: Freshness::EACH,
        };
        let engine = Engine::new(Arc::new(held), bundle, options).unwrap();
        let (mut rights, mut sample) = (Rights::new(), Vec::new());
        let mut take = |some: Vec<Right>| {
            for right in some {
                let obligations = right.obligations.iter().map(ToString::to_string);
                let key = [
                    right.principal.to_string(),
                    right.action.to_string(),
                    right.context.to_string(),
                    right.resource.to_string(),
                ];
                assert!(!right.permits.is_empty(), "{right:?}");
                if rights.insert(key, obligations.collect()).is_some() {
                    return Err(format!("{right:?} is there twice"));
                }
                if rights.len() % SAMPLE == 1 {
                    sample.push(right);
                }
            }
            Ok(())
        };
        let session = engine.session();
        let reviewed = scope
            .review(&session, workers, Arc::new(Ok), &mut take)
            .await;
        assert!(reviewed.unwrap().unlisted.is_empty());
        for right in sample {
            values::are_those_of_the_explanation(&engine.state().bundle, &session, &right).await;
        }
        rights
    })
}

#[test]
fn a_review_is_every_question_that_the_rules_allow() {
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let worker = Deciding::over(open(&directory.path().join("none.db")), bundle);
    for number in 0..tenancies() {
        let tenancy = Tenancy::random(&mut Rng::new(11_000_027 + number), 3);
        let path = directory.path().join("tenancy.db");
        let store = open(&path);
        let documents = tenancy.documents();
        let documents: String = documents.iter().map(|line| format!("{line}\n")).collect();
        import(&store, &documents).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let whole = found(&worker, &store, ReviewScope::default(), 3);
        assert_eq!(whole, exhaustive(&tenancy, None, None), "tenancy {number}");
        for organisation in &tenancy.organisations {
            let scope = ReviewScope {
                within: Some(uid("Peppol::Organisation", &organisation.id)),
                ..ReviewScope::default()
            };
            let part = found(&worker, &store, scope, 1);
            let wanted = exhaustive(&tenancy, Some(&organisation.id), None);
            assert_eq!(part, wanted, "tenancy {number}");
        }
        let id = tenancy.users[0].id.as_str();
        let scope = ReviewScope {
            principal: Some(uid("Peppol::User", id)),
            ..ReviewScope::default()
        };
        let part = found(&worker, &store, scope, 2);
        let wanted = exhaustive(&tenancy, None, Some(("User", id)));
        assert_eq!(part, wanted, "tenancy {number}");
        drop(store);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("tenancy.db{end}")));
        }
    }
}

#[test]
fn the_command_writes_what_the_engine_finds() {
    let tenancy = Tenancy::random(&mut Rng::new(13_000_019), 3);
    let reviewed = Reviewed::of(&tenancy.documents());
    let whole = reviewed.json(&[]);
    let wanted = exhaustive(&tenancy, None, None);
    assert_eq!(rights(&whole, "rights"), wanted);
    assert_eq!(whole["count"], wanted.len());
    assert_eq!(whole["unlisted"], json!([]));
    let without = ACTIONS.iter().filter(|it| contexts(it.context).is_none());
    let without: BTreeSet<_> = without
        .map(|it| format!("Peppol::Action::\"{}\"", it.name))
        .collect();
    assert_eq!(
        open_actions(&whole),
        without.iter().map(String::as_str).collect()
    );
    let organisation = &tenancy.organisations[0].id;
    let part = reviewed.json(&["--organisation", organisation]);
    let wanted = exhaustive(&tenancy, Some(organisation), None);
    assert_eq!(rights(&part, "rights"), wanted);
    let id = tenancy.users[0].id.as_str();
    let part = reviewed.json(&["--principal", &uid("Peppol::User", id).to_string()]);
    let wanted = exhaustive(&tenancy, None, Some(("User", id)));
    assert_eq!(rights(&part, "rights"), wanted);
}

#[test]
fn a_review_of_a_server_is_the_same() {
    let tenancy = Tenancy::random(&mut Rng::new(12_000_017), 3);
    let mut reviewed = Reviewed::of(&tenancy.documents());
    let wanted = exhaustive(&tenancy, None, None);
    reviewed.source = SHARED.database().url();
    reviewed.import(&tenancy.documents());
    assert_eq!(rights(&reviewed.json(&[]), "rights"), wanted);
}

fn user(id: &str, superadmin: bool) -> Value {
    let email = format!(
        "{}@acme.example",
        id.trim_matches(|c: char| !c.is_ascii_alphanumeric())
    );
    json!({"type": "USER", "id": id, "email": email, "emailVerified": true, "superadmin": superadmin})
}

fn organisation(id: &str, mode: &str) -> Value {
    json!({
        "type": "ORGANISATION", "id": id, "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": format!("5561-{id}"),
        "organisationMode": mode, "contacts": [{"contactType": "BUSINESS"}],
    })
}

fn membership(user: &str, organisation: &str, role: &str) -> Value {
    json!({"type": "MEMBERSHIP", "userId": user, "organisationId": organisation, "memberRole": role})
}

#[test]
fn what_is_wider_and_narrower_since_an_earlier_review_is_told() {
    let reviewed = Reviewed::of(&[
        user("anna", false),
        organisation("acme", "DEMO"),
        membership("anna", "acme", "orgadmin"),
        organisation("other", "DEMO"),
    ]);
    let before = reviewed.path("before.json").display().to_string();
    let acme = ["--organisation", "acme", "--format", "json"];
    let done = reviewed.run(&[&acme[..], &["--output", &before]].concat());
    assert_eq!((done.code, &*done.stdout), (Some(0), ""), "{done:?}");
    let unchanged = reviewed.json(&["--organisation", "acme", "--since", &before]);
    assert_eq!(
        (&unchanged["wider"], &unchanged["narrower"]),
        (&json!([]), &json!([]))
    );

    reviewed.import(&[
        user("bob", false),
        membership("bob", "acme", "orgmember"),
        organisation("acme", "SHARED"),
    ]);
    let now = reviewed.json(&["--organisation", "acme", "--since", &before]);
    let earlier: Value = serde_json::from_str(&std::fs::read_to_string(&before).unwrap()).unwrap();
    let (old, new) = (rights(&earlier, "rights"), rights(&now, "rights"));
    let (wider, narrower) = (rights(&now, "wider"), rights(&now, "narrower"));
    assert!(
        wider.keys().any(|right| right[0].contains("bob")),
        "{wider:?}"
    );
    let gone = |one: &Rights, other: &Rights| -> Vec<[String; 4]> {
        let gone = one.keys().filter(|right| !other.contains_key(*right));
        gone.cloned().collect()
    };
    for right in gone(&new, &old) {
        assert!(wider.contains_key(&right), "{right:?}");
    }
    for right in gone(&old, &new) {
        assert!(narrower.contains_key(&right), "{right:?}");
    }
    assert!(!narrower.is_empty());

    // Of another scope everything would look new, and a changed review is none.
    let refused = reviewed.run(&["--organisation", "other", "--since", &before]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("another scope"), "{refused:?}");
    let text = std::fs::read_to_string(&before)
        .unwrap()
        .replacen("anna", "anne", 1);
    std::fs::write(&before, text).unwrap();
    let refused = reviewed.run(&["--organisation", "acme", "--since", &before]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("was changed since"), "{refused:?}");
}

#[test]
fn names_are_only_text_in_a_page_and_in_a_table() {
    let hostile = "<script>alert(1)</script>\"',";
    let mut named = user(hostile, false);
    // No address is written so.
    named["email"] = "hostile@acme.example".into();
    let reviewed = Reviewed::of(&[
        named,
        organisation("acme", "DEMO"),
        membership(hostile, "acme", "orgadmin"),
    ]);
    let page = reviewed.run(&["--organisation", "acme", "--format", "html"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.ends_with("</main></body></html>\n"));
    assert!(page.stdout.contains("&lt;script&gt;alert(1)"), "{page:?}");
    assert!(!page.stdout.contains("<script"), "{page:?}");
    let table = reviewed.run(&["--organisation", "acme"]).stdout;
    let lines: Vec<&str> = table.split_terminator("\r\n").collect();
    assert_eq!(
        lines[0],
        "kind,principal,action,context,resource,policies,rules,obligations,values,lastUsed,decisionId"
    );
    assert!(lines.last().unwrap().starts_with("end,rights "), "{table}");
    let right = lines
        .iter()
        .find(|line| line.contains("getOrganisation"))
        .unwrap();
    assert!(
        right.contains("organisation/orgadmin-manages,USR-3,"),
        "{right}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("open,,")),
        "{table}"
    );
}

#[test]
fn what_cannot_be_decided_ends_the_review_and_leaves_no_file() {
    let reviewed = Reviewed::of(&[
        user("anna", false),
        organisation("acme", "DEMO"),
        membership("anna", "acme", "orgadmin"),
    ]);
    let connection = rusqlite::Connection::open(reviewed.path("tenancy.db")).unwrap();
    connection
        .execute_batch(
            "DROP VIEW \"Peppol::User\";
             CREATE VIEW \"Peppol::User\" AS
             SELECT id, id || '@acme.example' AS email, 1 AS \"emailVerified\", 0 AS superadmin,
               NULL AS \"onlyOrganisation\", 'maybe' AS \"severalOrganisations\"
             FROM registered_user",
        )
        .unwrap();
    let file = reviewed.path("review.html");
    let name = file.display().to_string();
    let failed = reviewed.run(&[
        "--organisation",
        "acme",
        "--format",
        "html",
        "--output",
        &name,
    ]);
    assert_eq!((failed.code, &*failed.stdout), (Some(1), ""), "{failed:?}");
    assert!(failed.stderr.contains("severalOrganisations"), "{failed:?}");
    assert!(!file.exists());

    for (arguments, code, why) in [
        (
            ["--organisation", "nobody"],
            1,
            "there is no Peppol::Organisation::\"nobody\"",
        ),
        (
            ["--principal", "Peppol::User::\"nobody\""],
            1,
            "there is no Peppol::User::\"nobody\"",
        ),
        (["--within", "nobody"], 64, "`--within`"),
        (["--action", "getOrganization"], 64, "getOrganisation"),
    ] {
        let refused = reviewed.run(&arguments);
        assert_eq!(refused.code, Some(code), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(why), "{arguments:?}: {refused:?}");
    }
}

#[test]
fn any_schema_is_reviewed_and_contexts_can_be_given() {
    let author = tester();
    let source = format!("entities:{FIXTURE}");
    let review = |arguments: &[&str]| {
        let first = ["review", "--tenancy", &source, "--format", "json"];
        let ended = author.run(&[&first[..], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let review: Value = serde_json::from_str(&ended.stdout).unwrap();
        rights(&review, "rights")
    };
    let key = |user: &str, action: &str, context: &str, desk: &str| {
        [
            format!("User::\"{user}\""),
            format!("Action::\"{action}\""),
            context.to_owned(),
            format!("Desk::\"{desk}\""),
        ]
    };
    let all = review(&[]);
    // Ann opens the red desk alone, in three contexts; she and Eve close both.
    let mut wanted: BTreeSet<[String; 4]> = ["{}", "{\"force\":false}", "{\"force\":true}"]
        .into_iter()
        .flat_map(|context| {
            let mut each = vec![key("ann", "open", context, "red")];
            for (user, desk) in [
                ("ann", "red"),
                ("ann", "blue"),
                ("eve", "red"),
                ("eve", "blue"),
            ] {
                each.push(key(user, "close", context, desk));
            }
            each
        })
        .collect();
    assert_eq!(all.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let lock = &all[&key("ann", "open", "{}", "red")];
    assert_eq!(lock.iter().collect::<Vec<_>>(), ["LOCK_AGAIN"]);
    author.write("contexts.json", "{\"open\": [{}], \"close\": {}}");
    wanted.retain(|right| right[2] == "{}");
    let given = review(&["--contexts", "contexts.json"]);
    assert_eq!(given.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let red = review(&["--within", "Desk::\"red\"", "--action", "open"]);
    assert_eq!(red.len(), 3);
    let ended = author.run(&["review", "--tenancy", &source, "--organisation", "red"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.stderr.contains("`@tenant`"), "{ended:?}");
}
