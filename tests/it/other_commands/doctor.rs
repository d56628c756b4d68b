//! `doctor` and `serve --check`: what is wrong, before anybody asks.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::author::{Author, Ended};
use crate::postgres::server::SHARED;

/// A check of `of` has this state, and says this.
fn assert_check(ended: &Ended, state: &str, of: &str, text: &str) {
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let checks = answer["checks"].as_array().unwrap();
    let found = checks.iter().any(|check| {
        check["state"] == state
            && check["of"] == of
            && check["text"].as_str().unwrap().contains(text)
    });
    assert!(found, "{state} {of}: {text}: {answer:#}");
}

fn setting(ended: &Ended, key: &str) -> (Value, String) {
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    let settings = answer["settings"].as_array().unwrap();
    let found = settings.iter().find(|it| it["key"] == key).unwrap();
    (
        found["value"].clone(),
        found["origin"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn settings_are_told_with_their_origins_and_without_secrets() {
    let author = Author::empty();
    author.write(
        "authz.toml",
        "tenancy = \"postgres://authz:hunter2@127.0.0.1:1/none\"\n[store]\nreaders = 3\n",
    );
    let ended = author.run(&[
        "doctor",
        "--json",
        "--config",
        "authz.toml",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    assert_eq!(
        setting(&ended, "store.readers"),
        (3.into(), "authz.toml".to_owned())
    );
    assert_eq!(
        setting(&ended, "listen"),
        ("127.0.0.1:0".into(), "--listen".to_owned())
    );
    let (masked, _) = setting(&ended, "tenancy");
    assert_eq!(masked, "postgres://authz:***@127.0.0.1:1/none");
    assert_eq!(setting(&ended, "limits.page").1, "the defaults");
    assert_check(&ended, "ok", "policies", "valid, revision ");
    assert_check(&ended, "wrong", "store", "unavailable");
    let text = author.run(&["doctor", "--config", "authz.toml"]);
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(text.stdout.contains("store.readers"), "{text:?}");
    assert!(text.stdout.contains("3  (authz.toml)"), "{text:?}");
    assert!(text.stdout.contains("wrong    store: "), "{text:?}");
    let unread = author.run(&["doctor", "--listen", "nowhere"]);
    assert_eq!(unread.code, Some(64), "{unread:?}");
}

#[test]
fn files_and_stores_that_are_wrong_are_named_and_nothing_is_made() {
    let author = Author::empty();
    let ended = author.run(&["doctor", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_check(&ended, "warning", "store", "`serve` makes it");
    assert!(!author.path("tenancy.db").exists());

    assert_eq!(author.run(&["migrate"]).code, Some(0));
    author.write("key", &"k".repeat(40));
    let chmod = |name: &str, mode| {
        std::fs::set_permissions(author.path(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    chmod("key", 0o644);
    chmod("tenancy.db", 0o666);
    author.write("authz.toml", "[search]\ntoken_key_file = \"key\"\n");
    let ended = author.run(&["doctor", "--json", "--config", "authz.toml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_check(
        &ended,
        "wrong",
        "secret",
        "`search.token_key_file`: `key` can be read by everybody",
    );
    assert_check(
        &ended,
        "wrong",
        "database file",
        "can be written by everybody",
    );
    assert_check(&ended, "ok", "tables", "up to date");
    assert_check(&ended, "ok", "freshness", "newest");
    chmod("key", 0o600);
    chmod("tenancy.db", 0o600);
    let ended = author.run(&["doctor", "--json", "--config", "authz.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_check(&ended, "ok", "store", "revision ");

    // Policies that are not valid are wrong here as they are for `check`.
    author.write(
        "p/bad.cedar",
        "permit (principal, action, resource) when { nonsense };",
    );
    let ended = author.run(&["doctor", "--json", "--policies", "p"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_check(
        &ended,
        "wrong",
        "policies",
        "`peppol-authz check` shows all",
    );
}

#[test]
fn a_server_is_looked_at_and_not_changed() {
    let author = Author::empty();
    let database = SHARED.database();
    let url = database.url();
    let ended = author.run(&["doctor", "--json", "--tenancy", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_check(&ended, "warning", "tables", "not up to date");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.sql(tables), "0");
    assert_eq!(author.run(&["migrate", "--tenancy", &url]).code, Some(0));
    let ended = author.run(&["doctor", "--json", "--tenancy", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_check(&ended, "ok", "tables", "up to date");
    assert_check(&ended, "ok", "clock", "database");
    // A role without rights is told which it lacks.
    database.sql("CREATE ROLE doctor_nobody LOGIN");
    let ended = author.run(&[
        "doctor",
        "--json",
        "--tenancy",
        &database.url_of("doctor_nobody", database.port),
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("GRANT"), "{ended:?}");
}

/// All that a start reads, and where it would not begin: each by both commands.
#[test]
fn what_would_stop_a_start_is_named() {
    // Small policies, which are loaded soon.
    let author = Author::new();
    let small = "policies = \"policies\"\nschema = \"schema/peppol.cedarschema\"\n";
    let documents = "{\"type\": \"USER\", \"id\": \"anna\", \"email\": \"a@x.example\", \
                     \"emailVerified\": true, \"superadmin\": false}\n";
    author.write("good.ndjson", documents);
    author.write("bad.ndjson", &format!("{documents}{{\"type\": \"USR\"}}\n"));
    author.write(
        "callers/own.cedar",
        "permit (principal, action, resource) when { nonsense };",
    );
    author.write("none.pem", "");
    let tls = "[tls]\ncertificate = \"none.pem\"\nkey = \"none.pem\"\n";
    for (settings, of, text) in [
        (
            "import = [\"missing.ndjson\"]",
            "import",
            "`missing.ndjson`",
        ),
        (
            "import = [\"good.ndjson\", \"bad.ndjson\"]",
            "import",
            "bad.ndjson:2: `type`",
        ),
        ("import = [\".\"]", "import", "directory"),
        (
            "tenancy = \"sqlite:missing/tenancy.db\"",
            "store",
            "`missing`",
        ),
        (tls, "start", "`certificate`"),
        (
            "[tls]\ncertificate = \"missing.pem\"\nkey = \"missing.pem\"\n",
            "start",
            "missing.pem",
        ),
        (
            "[callers]\npolicies = \"callers\"\n",
            "policies of callers",
            "1 fault, ",
        ),
        (
            "[callers]\npolicies = \"missing\"\n",
            "policies of callers",
            "`missing`",
        ),
        (
            "[callers]\nfile = \"missing.toml\"\n",
            "start",
            "missing.toml",
        ),
        (
            "[admin]\nlisten = \"unix:missing/admin.sock\"\n",
            "socket",
            "`missing`",
        ),
        (
            "[gateway]\nenvoy_grpc_listen = \"unix:missing/envoy.sock\"\n",
            "socket",
            "`missing`",
        ),
    ] {
        author.write("authz.toml", &format!("{small}{settings}"));
        let arguments = ["--config", "authz.toml"];
        let ended = author.run(&[&["doctor", "--json"], &arguments[..]].concat());
        assert_eq!(ended.code, Some(1), "{settings}: {ended:?}");
        assert_check(&ended, "wrong", of, text);
        let ended = author.run(&[&["serve", "--check"], &arguments[..]].concat());
        assert!(matches!(ended.code, Some(1 | 3)), "{settings}: {ended:?}");
        assert!(
            !ended.stdout.contains("would be ready"),
            "{settings}: {ended:?}"
        );
    }
    author.write(
        "authz.toml",
        &format!("{small}import = [\"good.ndjson\"]\n"),
    );
    let ended = author.run(&["doctor", "--json", "--config", "authz.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_check(&ended, "ok", "import", "`good.ndjson`: 1 document");
    assert!(!author.path("tenancy.db").exists());
}

#[test]
fn a_start_is_tried_without_serving() {
    let author = Author::empty();
    let checked = author.run(&["serve", "--check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(checked.stdout, "ok: the start would be ready\n");
    assert!(!author.path("tenancy.db").exists());
    author.write("authz.toml", "[search]\ntoken_key_file = \"missing\"\n");
    let refused = author.run(&["serve", "--check", "--config", "authz.toml"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("`missing`"), "{refused:?}");
    author.write(
        "p/bad.cedar",
        "permit (principal, action, resource) when { nonsense };",
    );
    let refused = author.run(&["serve", "--check", "--policies", "p"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
}
