//! A listener that others can reach.

use super::*;
use crate::author::Author;

#[test]
fn a_listener_that_others_can_reach_needs_tls_and_callers() {
    let ours = Authority::new();
    let server = ours.sign("server", "IP:127.0.0.1");
    let keys = format!("[callers]\nkey = [{}]\n", entry("gateway", &["decide"]));
    let fails = |start: Start, words: &[&str]| {
        let (code, text) = start.fails();
        assert_eq!(code, 64, "{text}");
        for words in words {
            assert!(text.contains(words), "no {words} in {text}");
        }
    };
    const TLS: &str = "set `tls.certificate` and `tls.key`";
    const CALLERS: &str = "make callers known by `tls.client_ca`, `callers.key`, `callers.file` or";
    const ANYONE: &str = "or let anyone in by `callers.admit = \"anyone-who-reaches-the-port\"`";
    let open = ["--listen", "0.0.0.0:0"];
    fails(
        Start::new().with(&open),
        &["`listen`", "`0.0.0.0:0`", TLS, CALLERS, ANYONE],
    );
    fails(with_settings(Start::new(), &keys).with(&open), &[TLS]);
    fails(with_tls(Start::new(), &server).with(&open), &[CALLERS]);
    fails(
        Start::new()
            .variable("PEPPOL_AUTHZ_ADMIN__LISTEN", "[::]:0")
            .variable("PEPPOL_AUTHZ_GATEWAY__ENVOY_GRPC_LISTEN", "192.0.2.1:8181"),
        &[
            "`admin.listen`",
            "`gateway.envoy_grpc_listen`",
            "those of `admin`",
        ],
    );
    // Clients of administration are known by its own authorities, where it has a certificate.
    let own = |name: &str, path: &std::path::Path| {
        (format!("PEPPOL_AUTHZ_ADMIN__{name}"), path.to_owned())
    };
    let start = [
        own("CERTIFICATE", &server.certificate),
        own("KEY", &server.key),
    ]
    .into_iter()
    .fold(Start::new(), |start, (name, path)| {
        start.variable(&name, path.to_str().unwrap())
    });
    fails(
        start.variable("PEPPOL_AUTHZ_ADMIN__LISTEN", "[::]:0"),
        &["`admin.listen`", "make callers known by `admin.client_ca`,"],
    );
    fails(
        Start::new().variable("PEPPOL_AUTHZ_CALLERS__AUDIENCE", "authz"),
        &["`callers.audience`", "needs the issuers"],
    );
}

/// So many words are needed, and even then nobody is told what is for operators.
#[test]
fn anyone_is_let_in_where_a_setting_says_so() {
    let sidecar = Start::quickstart()
        .with(&["--listen", "0.0.0.0:0"])
        .variable("PEPPOL_AUTHZ_CALLERS__ADMIT", "anyone-who-reaches-the-port")
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "nobody")
        .start();
    let warned = sidecar.logged("anyone who reaches this port may ask, as `callers.admit` says");
    assert_eq!(
        (&warned["level"], warned["address"].as_str()),
        (&json!("WARN"), Some(&*sidecar.address))
    );
    let mut anyone = Connection::open(&sidecar);
    anyone.is_served();
    assert_eq!(anyone.get("/metrics").status, 200);
    is_refused(&anyone.get("/version"), 403, "CALLER_NOT_ALLOWED");
    let explained = ALLOWED.replacen('{', "{\"explain\": true, ", 1);
    let reply = send(&mut anyone, DECIDE, &[], &explained);
    is_refused(&reply, 403, "EXPLAIN_NOT_ALLOWED");
    let ready = anyone.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({"ready": true, "missing": []}))
    );
}

#[test]
fn administration_has_a_listener_of_its_own_where_that_is_wanted() {
    let start = Start::quickstart();
    let socket = format!("unix:{}", start.path("admin.sock").display());
    let sidecar = start
        .variable("PEPPOL_AUTHZ_ADMIN__LISTEN", &socket)
        .start();
    let health = |name: &str, value: &str| {
        let mut command = crate::sidecar::program();
        let ended = command.args(["health", "--ready"]).env(name, value);
        let ended = ended.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        (ended.status.code(), said)
    };
    let (code, said) = health("PEPPOL_AUTHZ_ADMIN__LISTEN", &socket);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        sidecar.logged("listening for administration")["address"],
        *socket
    );
    let mut questions = Connection::open(&sidecar);
    questions.is_served();
    let mut administration = Connection::open_at(&socket);
    for path in ["/metrics", "/version", "/openapi.json"] {
        is_refused(&questions.get(path), 404, "NOT_FOUND");
        assert_eq!(administration.get(path).status, 200, "{path}");
    }
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(questions.get(path).status, 200, "{path}");
        assert_eq!(administration.get(path).status, 200, "{path}");
    }
    let reply = administration.get("/authz/envoy/orgs/acme");
    is_refused(&reply, 404, "NOT_FOUND");
    let mut asking = Connection::open_at(&socket);
    is_refused(&send(&mut asking, DECIDE, &[], ALLOWED), 404, "NOT_FOUND");
    // The socket tells who asks.
    let name = "peppol_authz_caller_requests_total{caller=\"uid:";
    assert!(sample(&mut administration, name) > Some(0));
}

/// A misspelt role would be found by the one who needs it.
#[test]
fn a_role_that_no_policy_of_callers_names_is_told() {
    let author = Author::empty();
    let keys = [entry("ci", &["decide", "admn"]), entry("more", &["search"])];
    let settings = format!("[callers]\nkey = [{}]\n", keys.join(", "));
    author.write("authz.toml", &settings);
    let said = |command: &[&str]| {
        let ended = author.run(&[command, &["--config", "authz.toml"]].concat());
        ended.stdout + &ended.stderr
    };
    let warning =
        "no policy of callers names the role `admn`, which the key `ci` has; did you mean `admin`?";
    for command in [&["doctor"][..], &["serve", "--check"]] {
        let text = said(command);
        assert_eq!(
            text.matches("no policy of callers names").count(),
            1,
            "{text}"
        );
        assert!(text.contains(warning), "{text}");
    }
    let sidecar = with_settings(Start::quickstart(), &settings).start();
    let logged = sidecar.logged("a key of a caller has a role without a meaning");
    assert_eq!(logged["problem"], warning);
    // Policies that look at roles in another way may mean any.
    author.write(
        "own/own.cedar",
        "@id(\"own/a\") permit (principal, action == Sidecar::Action::\"decide\", resource)\n\
         when { principal.roles.contains(context.surface) };\n",
    );
    author.write("authz.toml", &format!("{settings}policies = \"own\"\n"));
    assert!(!said(&["doctor"]).contains("names the role"));
}
