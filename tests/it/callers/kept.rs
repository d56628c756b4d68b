//! One connection, over which credentials come and go: each counts by itself, and no longer than its keys.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::gateway::tokens::Key;

/// With keys in a file that is looked at often, beside a listener that others can reach.
fn settings(start: &Start, keys: &str, more: &str) -> String {
    std::fs::write(start.path("callers.toml"), keys).unwrap();
    format!(
        "[callers]\nfile = \"{}\"\n{more}\n[reload]\npoll_interval = \"20ms\"\nsettle = \"20ms\"\n",
        start.path("callers.toml").display(),
    )
}

/// An entry of a file of keys.
fn of_file(name: &str, role: &str, until: Option<u64>) -> String {
    let hash = hash_of_api_key(&key(name)).unwrap();
    let until = until.map_or(String::new(), |until| format!(", exp = {until}"));
    format!(
        "[[key]]\nname = \"{name}\"\nhash = \"{hash}\"\nclaims = {{ roles = [\"{role}\"]{until} }}\n"
    )
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A listener that wants to know its callers, with TLS.
fn reachable(start: Start, ours: &Authority, text: &str) -> Start {
    with_tls(
        with_settings(start, text),
        &ours.sign("server", "IP:127.0.0.1"),
    )
    .with(&["--listen", "0.0.0.0:0"])
}

#[test]
fn each_request_counts_by_its_own_key() {
    let ours = Authority::new();
    let start = Start::quickstart();
    let keys = [
        of_file("gateway", "decide", None),
        of_file("monitor", "metrics", None),
    ]
    .concat();
    let text = settings(&start, &keys, "");
    let sidecar = reachable(start, &ours, &text).start();
    let open = || connect(&sidecar, ours.client(None, HTTP1));
    let mut kept = open();
    for _ in 0..3 {
        is_allowed(&send_as(&mut kept, "gateway", DECIDE, ALLOWED));
        let reply = send_as(&mut kept, "monitor", DECIDE, ALLOWED);
        is_refused(&reply, 403, "CALLER_NOT_ALLOWED");
        let reply = send_as(&mut kept, "monitor", "GET /metrics", "");
        assert_eq!(reply.status, 200, "{}", reply.text);
        let reply = send_as(&mut kept, "gateway", "GET /metrics", "");
        is_refused(&reply, 403, "CALLER_NOT_ALLOWED");
    }
    // Nothing, one of the same length, one that begins the same, and none at all: with a refusal the connection ends.
    let long = format!("{}x", key("gateway").trim_start_matches("authz_"));
    for other in [None, Some("gatewax"), Some(&*long), Some("nobody")] {
        let mut one = open();
        is_allowed(&send_as(&mut one, "gateway", DECIDE, ALLOWED));
        let reply = match other {
            None => send(&mut one, DECIDE, &[], ALLOWED),
            Some(other) => send_as(&mut one, other, DECIDE, ALLOWED),
        };
        is_refused(&reply, 401, "CALLER_UNKNOWN");
    }
}

#[test]
fn what_was_permitted_last_permits_nothing_else() {
    let ours = Authority::new();
    let start = Start::quickstart();
    let keys = of_file("gateway", "decide", None);
    let policies = start.path("callers");
    std::fs::create_dir(&policies).unwrap();
    let permit = |action: &str, surface: &str| {
        format!(
            "permit (principal, action == Sidecar::Action::\"{action}\", resource)\n\
             when {{ principal has key && context.surface == \"{surface}\" }};\n"
        )
    };
    std::fs::write(policies.join("own.cedar"), permit("decide", "native")).unwrap();
    let more = format!("policies = \"{}\"", policies.display());
    let text = settings(&start, &keys, &more);
    let sidecar = reachable(start, &ours, &text).start();
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    let mut ask = |line: &str, body: &str| send_as(&mut kept, "gateway", line, body);
    let evaluation = json!({
        "subject": {"type": "Peppol::User", "id": "anna"},
        "action": {"name": "getOrganisation"},
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
    })
    .to_string();
    let search = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation"},
    })
    .to_string();
    let mut explained = about("acme");
    explained["explain"] = true.into();
    for _ in 0..3 {
        is_allowed(&ask(DECIDE, ALLOWED));
        is_allowed(&ask(DECIDE, ALLOWED));
        for (line, body, code) in [
            (
                "POST /access/v1/evaluation",
                &*evaluation,
                "CALLER_NOT_ALLOWED",
            ),
            ("POST /v1/search", &*search, "CALLER_NOT_ALLOWED"),
            (DECIDE, &*explained.to_string(), "EXPLAIN_NOT_ALLOWED"),
        ] {
            let refused = ask(line, body);
            assert_eq!(refused.status, 403, "{line}: {}", refused.text);
            assert!(refused.text.contains(code), "{line}: {}", refused.text);
        }
    }
    // Nor longer than the policies. Then it is refused, and allowed again by those after them.
    is_allowed(&ask(DECIDE, ALLOWED));
    std::fs::write(policies.join("own.cedar"), permit("decide", "authzen")).unwrap();
    sidecar.wait_for_log("changed policies of callers are in force");
    is_refused(&ask(DECIDE, ALLOWED), 403, "CALLER_NOT_ALLOWED");
    assert_eq!(ask("POST /access/v1/evaluation", &evaluation).status, 200);
    std::fs::write(policies.join("own.cedar"), permit("decide", "native")).unwrap();
    sidecar.wait_for_log("changed policies of callers are in force");
    is_allowed(&ask(DECIDE, ALLOWED));
    is_refused(&ask("POST /v1/search", &search), 403, "CALLER_NOT_ALLOWED");
}

#[test]
fn a_key_that_is_taken_away_counts_no_more() {
    let ours = Authority::new();
    let start = Start::quickstart();
    let file = start.path("callers.toml");
    let both = [
        of_file("gateway", "decide", None),
        of_file("other", "decide", None),
    ]
    .concat();
    let text = settings(&start, &both, "");
    let sidecar = reachable(start, &ours, &text).start();
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    let mut of_other = connect(&sidecar, ours.client(None, HTTP1));
    is_allowed(&send_as(&mut kept, "gateway", DECIDE, ALLOWED));
    std::fs::write(&file, of_file("other", "decide", None)).unwrap();
    until("the key is gone", || {
        send_as(&mut kept, "gateway", DECIDE, ALLOWED).status == 401
    });
    is_allowed(&send_as(&mut of_other, "other", DECIDE, ALLOWED));
    // Its owner may do something else from now on.
    std::fs::write(&file, of_file("other", "metrics", None)).unwrap();
    until("the role is gone", || {
        send_as(&mut of_other, "other", DECIDE, ALLOWED).status == 403
    });
    // A file that is refused takes away nothing.
    std::fs::write(&file, "[[key]]\nname = 1\n").unwrap();
    sidecar.wait_for_log("changed static keys are refused, and those before stay in force");
    assert_eq!(
        send_as(&mut of_other, "other", "GET /metrics", "").status,
        200
    );
}

#[test]
fn a_key_and_a_token_whose_time_runs_out_count_no_more() {
    let (ours, issuer) = (Authority::new(), Key::new());
    let start = Start::quickstart();
    let set = start.path("keys.json");
    std::fs::write(&set, issuer.set().to_string()).unwrap();
    let until_then = seconds() + 8;
    let text = settings(
        &start,
        &of_file("gateway", "decide", Some(until_then)),
        &format!(
            "audience = \"authz\"\n[jwt]\njwks = \"{}\"\nissuer = \"https://login.example.com/\"\n\
             audience = \"peppol\"\nleeway = \"0s\"",
            set.display()
        ),
    );
    let sidecar = reachable(start, &ours, &text).start();
    let token = issuer.token(&json!({
        "iss": "https://login.example.com/", "aud": "authz", "sub": "gateway",
        "roles": ["decide"], "exp": until_then,
    }));
    let mut by_key = connect(&sidecar, ours.client(None, HTTP1));
    let mut by_token = connect(&sidecar, ours.client(None, HTTP1));
    let bearer = format!("Bearer {token}");
    let (mut of_key, mut of_token) = (200, 200);
    // A refusal may close its connection.
    let mut is_let_in = || {
        if of_key == 200 {
            of_key = send_as(&mut by_key, "gateway", DECIDE, ALLOWED).status;
        }
        if of_token == 200 {
            let headers = [("authorization", &*bearer)];
            of_token = send(&mut by_token, DECIDE, &headers, ALLOWED).status;
        }
        (of_key, of_token)
    };
    // A start that takes longer leaves nothing to see.
    let (first, then) = (is_let_in(), seconds());
    assert!(first == (200, 200) || then >= until_then, "{first:?}");
    until("both are over", || is_let_in() == (401, 401));
    assert!(seconds() >= until_then);
}

#[test]
fn a_token_counts_no_more_once_its_key_is_gone() {
    let (ours, issuer) = (Authority::new(), Key::new());
    let start = Start::quickstart();
    let set = start.path("keys.json");
    std::fs::write(&set, issuer.set().to_string()).unwrap();
    let text = settings(
        &start,
        &of_file("other", "decide", None),
        &format!(
            "audience = \"authz\"\n[jwt]\njwks = \"{}\"\nissuer = \"https://login.example.com/\"\naudience = \"peppol\"\nrefresh = \"1s\"",
            set.display()
        ),
    );
    let sidecar = reachable(start, &ours, &text).start();
    let token = issuer.token(&json!({
        "iss": "https://login.example.com/", "aud": "authz", "sub": "gateway",
        "roles": ["decide"], "exp": 4_000_000_000_u64,
    }));
    let bearer = [("authorization", &*format!("Bearer {token}"))];
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    is_allowed(&send(&mut kept, DECIDE, &bearer, ALLOWED));
    std::fs::write(&set, Key::new().set().to_string()).unwrap();
    until("the key is gone", || {
        send(&mut kept, DECIDE, &bearer, ALLOWED).status == 401
    });
}
