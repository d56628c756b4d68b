//! Acts of operators over HTTP. Each is a line of the decision log.

use std::path::Path;

use super::*;
use crate::sidecar::{Sidecar, program};

const RELOAD: &str = "POST /admin/reload";
const FILTER: &str = "PUT /admin/log-filter";

pub(super) const OPEN: &str = "permit (principal, action, resource);";
pub(super) const SCHEMA: &str =
    "entity User; entity File; action read appliesTo { principal: User, resource: File };";

pub(super) fn entity(kind: &str, id: &str) -> Value {
    json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": []})
}

pub(super) fn read() -> String {
    json!({
        "principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "File::\"f\"",
    })
    .to_string()
}

/// The lines of acts: who, what, and to what.
pub(super) fn acts(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let acts = lines.filter(|line| line.get("administration").is_some());
    acts.collect()
}

/// Over policies that nobody watches, with a decision log.
pub(super) fn start() -> (Start, std::path::PathBuf) {
    let start = Start::new()
        .policies(SCHEMA, OPEN)
        .entities(&json!([entity("User", "u"), entity("File", "f")]))
        .variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms");
    let log = start.path("decisions.ndjson");
    let to = format!("file:{}", log.display());
    (start.with(&["--decision-log", &to]), log)
}

fn replayed(sidecar: &Sidecar, log: &Path) -> String {
    let policies = sidecar.path("policies");
    let schema = sidecar.path("test.cedarschema");
    let mut replay = program();
    let replay = replay
        .arg("replay")
        .arg(log)
        .arg("--policies")
        .arg(policies);
    let output = replay.arg("--schema").arg(schema).output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_operator_has_files_read_again() {
    let (start, log) = start();
    let sidecar = start.with(&["--log-slice"]).start();
    let mut connection = Connection::open(&sidecar);
    let mut ask = || send(&mut connection, DECIDE, &[], &read()).json()["decision"].clone();
    assert_eq!(ask(), "Allow");
    std::fs::write(
        sidecar.path("policies/p.cedar"),
        "forbid (principal, action, resource);",
    )
    .unwrap();
    // A page of a stranger in a browser can send this, and nothing else.
    for headers in [vec![], vec![("content-type", "text/plain")]] {
        let mut text = format!("{RELOAD} HTTP/1.1\r\nhost: a\r\n");
        headers
            .iter()
            .for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        let mut other = Connection::open(&sidecar);
        other.write(format!("{text}content-length: 0\r\n\r\n"));
        is_refused(&other.reply(), 400, "CONTENT_TYPE_NOT_JSON");
    }
    assert_eq!(acts(&log), Vec::<Value>::new());
    let reply = send(&mut Connection::open(&sidecar), RELOAD, &[], "{}");
    assert_eq!((reply.status, &*reply.text), (202, ""));
    until("the change is in force", || ask() == "Deny");
    sidecar.signal("HUP");
    // The change itself has one too.
    let asked = || -> Vec<Value> {
        let acts = acts(&log).into_iter();
        acts.filter(|line| line["surface"] != "loading").collect()
    };
    until("both have a line", || asked().len() == 2);
    for (line, caller, surface) in asked()
        .iter()
        .zip(["unknown", "SIGHUP"])
        .zip(["administration", "signal"])
        .map(|((line, caller), surface)| (line, caller, surface))
    {
        assert_eq!(
            line["administration"],
            json!({"act": "reload", "caller": caller})
        );
        assert_eq!(line["surface"], surface, "{line}");
        assert!(line["id"].is_string() && line["time"].is_string(), "{line}");
    }
    // They are no decisions.
    let text = replayed(&sidecar, &log);
    assert!(text.contains(" 0 not decided again"), "{text}");
}

#[test]
fn an_operator_changes_what_is_logged() {
    let (start, log) = start();
    let sidecar = start.start();
    let mut connection = Connection::open(&sidecar);
    let shown = |connection: &mut Connection| connection.get("/admin/log-filter").json();
    assert_eq!(shown(&mut connection), json!({"filter": "info"}));
    let wanted = json!({"filter": "peppol_authz_server=debug,info"}).to_string();
    let reply = send(&mut connection, FILTER, &[], &wanted);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(shown(&mut connection), reply.json());
    assert_eq!(
        send(&mut connection, DECIDE, &[], &read()).json()["decision"],
        "Allow"
    );
    sidecar.wait_for_log("decided");
    let long = json!({"filter": "x".repeat(5000)}).to_string();
    for bad in [
        &*long,
        "",
        "[]",
        "{}",
        "{\"filter\": 1}",
        "[\"info\"]",
        "{\"filter\": \"a=b=c\"}",
        "{\"filter\": \"info\", \"x\": 1}",
    ] {
        let refused = send(&mut Connection::open(&sidecar), FILTER, &[], bad);
        is_refused(&refused, 400, "ACT_MALFORMED");
    }
    assert_eq!(shown(&mut connection), reply.json());
    until("it has a line", || !acts(&log).is_empty());
    // Those that were refused are none.
    assert_eq!(connection.get("/debug/config").status, 200);
    until("the next act has a line", || acts(&log).len() > 1);
    assert_eq!(acts(&log)[1]["administration"]["act"], "read settings");
    let act = acts(&log)[0]["administration"].clone();
    assert_eq!(act["act"], "change the log's filter", "{act}");
    assert_eq!(act["value"], "peppol_authz_server=debug,info", "{act}");
}

#[test]
fn an_operator_sees_the_settings_as_doctor_shows_them() {
    let (start, log) = start();
    let text = format!("[callers]\nkey = [{}]\n", entry("operator", &["admin"]));
    let sidecar = with_settings(start, &text).start();
    let reply = sidecar.get("/debug/config").json();
    let setting = |key: &str| {
        let all = reply["settings"].as_array().unwrap();
        all.iter().find(|it| it["key"] == key).unwrap().clone()
    };
    assert_eq!(setting("callers.key")["value"], json!(["hidden"]));
    let to = setting("decision_log.to");
    assert_eq!(to["value"], format!("file:{}", log.display()));
    assert_eq!(to["origin"], "--decision-log");
    assert_eq!(
        setting("reload.watch")["origin"],
        "PEPPOL_AUTHZ_RELOAD__WATCH"
    );
    let hash = hash_of_api_key(&key("operator")).unwrap();
    assert!(!reply.to_string().contains(&hash));
    until("it has a line", || !acts(&log).is_empty());
    assert_eq!(acts(&log)[0]["administration"]["act"], "read settings");
}

#[test]
fn only_operators_act_and_none_without_a_line() {
    let ours = Authority::new();
    let text = format!(
        "[callers]\nkey = [{}, {}]\n",
        entry("operator", &["admin"]),
        entry("gateway", &["decide"]),
    );
    let reachable = |start: Start| {
        let start = with_tls(
            with_settings(start, &text),
            &ours.sign("server", "IP:127.0.0.1"),
        );
        start.with(&["--listen", "0.0.0.0:0"]).start()
    };
    let (start, log) = start();
    let sidecar = reachable(start);
    let filter = json!({"filter": "debug"}).to_string();
    let acts_of_all = [
        ("GET /debug/config", ""),
        (RELOAD, "{}"),
        ("GET /admin/log-filter", ""),
        (FILTER, &filter),
    ];
    for (line, body) in acts_of_all {
        let open = || connect(&sidecar, ours.client(None, HTTP1));
        is_refused(&send(&mut open(), line, &[], body), 401, "CALLER_UNKNOWN");
        is_refused(
            &send_as(&mut open(), "gateway", line, body),
            403,
            "CALLER_NOT_ALLOWED",
        );
    }
    assert_eq!(acts(&log), Vec::<Value>::new());
    for (line, body) in acts_of_all {
        let reply = send_as(
            &mut connect(&sidecar, ours.client(None, HTTP1)),
            "operator",
            line,
            body,
        );
        assert!([200, 202].contains(&reply.status), "{line}: {}", reply.text);
    }
    until("acts have lines", || acts(&log).len() == 3);
    assert_eq!(acts(&log)[0]["administration"]["caller"], "key:operator");

    let full = Start::quickstart().with(&["--decision-log", "file:/dev/full"]);
    let full = reachable(full.variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "0s"));
    let send_to_full = |line: &str, body: &str| {
        send_as(
            &mut connect(&full, ours.client(None, HTTP1)),
            "operator",
            line,
            body,
        )
    };
    // By this one it is found out.
    send_to_full(RELOAD, "{}");
    until("the log fails", || {
        send_to_full("GET /debug/config", "").status == 503
    });
    for (line, body) in [
        ("GET /debug/config", ""),
        (RELOAD, "{}"),
        (FILTER, &*filter),
    ] {
        is_refused(&send_to_full(line, body), 503, "DECISION_NOT_LOGGED");
    }
    assert_eq!(
        send_to_full("GET /admin/log-filter", "").json(),
        json!({"filter": "info"})
    );
}
