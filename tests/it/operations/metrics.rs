//! The counters, read as Prometheus reads them.

use serde_json::{Value, json};

use super::{allowed, mode_change};
use crate::connection::Connection;
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Start, project};

fn decisions(samples: &Samples, action: &str, decision: &str, code: &str) -> f64 {
    samples.value(
        "decisions_total",
        &[("action", action), ("decision", decision), ("code", code)],
    )
}

#[test]
fn decisions_are_counted_by_action_decision_and_code() {
    let sidecar = Start::quickstart().start();
    let mut two_codes = mode_change();
    two_codes["context"]["requestedMode"] = "DEMO".into();
    let mut unknown = allowed();
    unknown["principal"] = "Peppol::User::\"nobody\"".into();
    for _ in 0..3 {
        sidecar.ask(&allowed());
    }
    sidecar.ask(&unknown);
    let batch = json!({"requests": [mode_change(), two_codes, {}, mode_change(), allowed()]});
    assert_eq!(sidecar.post("/v1/batch_is_authorized", &batch).status, 200);
    let samples = Samples::of(&sidecar);
    assert_eq!(decisions(&samples, "getOrganisation", "Allow", ""), 4.0);
    assert_eq!(
        decisions(&samples, "getOrganisation", "Deny", "UNKNOWN_PRINCIPAL"),
        1.0
    );
    assert_eq!(
        decisions(&samples, "requestModeChange", "Deny", "AT-1120"),
        2.0
    );
    let both = "AT-1120,INVALID_MODE_TRANSITION";
    assert_eq!(decisions(&samples, "requestModeChange", "Deny", both), 1.0);
    assert_eq!(samples.sum("decisions_total"), 8.0);
    assert_eq!(samples.value("decision_duration_seconds_count", &[]), 8.0);
    let all = samples.value("decision_duration_seconds_bucket", &[("le", "+Inf")]);
    assert_eq!(all, 8.0);
    assert!(samples.value("decision_duration_seconds_sum", &[]) > 0.0);
}

#[test]
fn malformed_questions_are_counted_by_code_and_are_no_decisions() {
    let sidecar = Start::quickstart().start();
    let mut unknown = allowed();
    unknown["action"] = "Peppol::Action::\"fly\"".into();
    let mut served = allowed();
    served["entities"] = json!([
        {"uid": {"type": "Peppol::EmailAddress", "id": "a"}, "attrs": {"registered": true}, "parents": []}
    ]);
    for body in [json!({}), json!([]), unknown.clone(), served] {
        assert_eq!(sidecar.post("/v1/is_authorized", &body).status, 400);
    }
    assert_eq!(sidecar.send("/v1/is_authorized", &[], b"{").status, 400);
    assert_eq!(
        sidecar.send("/v1/batch_is_authorized", &[], b"{").status,
        400
    );
    let batch = json!({"requests": [{}, unknown]});
    assert_eq!(sidecar.post("/v1/batch_is_authorized", &batch).status, 200);
    let samples = Samples::of(&sidecar);
    let of_limit = |name, setting| samples.value(name, &[("setting", setting)]);
    assert_eq!(of_limit("limit_used", "limits.batch"), 2.0);
    assert_eq!(of_limit("limit", "limits.batch"), 1000.0);
    let longest = batch.to_string().len();
    let used = of_limit("limit_used", "limits.body_bytes");
    assert!(used >= longest as f64 && used < 4096.0, "{used}");
    for (code, count) in [
        ("MALFORMED_QUESTION", 3.0),
        ("UNKNOWN_ACTION", 2.0),
        ("ENTITY_OF_SERVED_TYPE", 1.0),
        ("MALFORMED_JSON", 2.0),
    ] {
        assert_eq!(
            samples.value("malformed_total", &[("code", code)]),
            count,
            "{code}"
        );
    }
    assert_eq!(samples.sum("decisions_total"), 0.0);
}

/// AuthZEN's, with the same labels, but for an action that there is not.
#[test]
fn evaluations_are_counted_as_questions_and_callers_invent_no_actions() {
    let sidecar = Start::quickstart().start();
    let mut batch = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "acme"},
    });
    let (single, path) = (batch.clone(), "/access/v1/evaluation");
    assert_eq!(sidecar.post(path, &single).status, 200);
    assert_eq!(sidecar.post(path, &json!({})).status, 400);
    assert_eq!(
        sidecar.get("/.well-known/authzen-configuration").status,
        200
    );
    batch["evaluations"] = json!([
        {}, {"resource": 7}, {"action": {"name": "fly"}},
        {"action": {"name": "requestModeChange"}, "context": {"requestedMode": 7}},
        {"subject": {"type": "robot", "id": "r2"}},
        {"action": {"name": "requestModeChange", "properties": {"requestedMode": "SHARED"}}},
    ]);
    let reply = sidecar.post("/access/v1/evaluations", &batch);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let samples = Samples::of(&sidecar);
    let counted = |action, decision, code| decisions(&samples, action, decision, code);
    assert_eq!(counted("getOrganisation", "Allow", ""), 2.0);
    assert_eq!(counted("other", "Deny", "UNKNOWN_ACTION"), 1.0);
    assert_eq!(counted("getOrganisation", "Deny", "UNKNOWN_PRINCIPAL"), 1.0);
    assert_eq!(counted("requestModeChange", "Deny", "AT-1120"), 1.0);
    assert_eq!(samples.sum("decisions_total"), 5.0);
    let malformed = [("code", "MALFORMED_QUESTION")];
    assert_eq!(samples.value("malformed_total", &malformed), 3.0);
    for (path, status) in [
        (path, "200"),
        (path, "400"),
        ("/access/v1/evaluations", "200"),
        ("/.well-known/authzen-configuration", "200"),
    ] {
        let labels = [("path", path), ("status", status)];
        let name = "http_request_duration_seconds_count";
        assert_eq!(samples.value(name, &labels), 1.0, "{path} {status}");
    }
}

#[test]
fn requests_are_timed_by_path_and_status_and_callers_invent_no_labels() {
    let sidecar = Start::quickstart().start();
    sidecar.ask(&allowed());
    sidecar.ask(&allowed());
    sidecar.post("/v1/is_authorized", &json!({}));
    sidecar.post("/v1/batch_is_authorized", &json!({"requests": []}));
    for i in 0..20 {
        assert_eq!(sidecar.get(&format!("/v1/{i}")).status, 404);
    }
    sidecar.get("/v1/is_authorized");
    let samples = Samples::of(&sidecar);
    for (path, status, count) in [
        ("/v1/is_authorized", "200", 2.0),
        ("/v1/is_authorized", "400", 1.0),
        ("/v1/is_authorized", "405", 1.0),
        ("/v1/batch_is_authorized", "200", 1.0),
        ("other", "404", 20.0),
    ] {
        let labels = [("path", path), ("status", status)];
        let name = "http_request_duration_seconds_count";
        assert_eq!(samples.value(name, &labels), count, "{path} {status}");
        let labels = [("le", "+Inf"), ("path", path), ("status", status)];
        let name = "http_request_duration_seconds_bucket";
        assert_eq!(samples.value(name, &labels), count, "{path} {status}");
    }
    assert_eq!(samples.sum("http_request_duration_seconds_count"), 25.0);
}

#[test]
fn the_state_of_policies_store_and_memory_is_shown() {
    let sidecar = Start::quickstart().start();
    let fresh = Samples::of(&sidecar);
    let version = sidecar.get("/version").json();
    let revision = version["policyRevision"].as_str().unwrap();
    assert_eq!(fresh.value("policies", &[("revision", revision)]), 1.0);
    assert_eq!(fresh.value("reloads_total", &[("result", "taken")]), 1.0);
    assert_eq!(fresh.value("reloads_total", &[("result", "refused")]), 0.0);
    assert!(fresh.value("last_reload_timestamp_seconds", &[]) > 1_600_000_000.0);
    for zero in [
        "reload_refused",
        "panics_total",
        "store_failures_total",
        "cache_entries",
    ] {
        let series = (
            format!("peppol_authz_{zero}"),
            std::collections::BTreeMap::new(),
        );
        assert_eq!(fresh.0.get(&series), Some(&0.0), "{zero}");
    }
    let answer: Value = sidecar.ask(&allowed());
    assert_eq!(answer["decision"], "Allow");
    let once = Samples::of(&sidecar);
    assert!(once.value("cache_entries", &[]) > 0.0);
    assert!(once.value("cache_bytes", &[]) > 0.0);
    assert!(once.value("cache_misses_total", &[]) > 0.0);
    sidecar.ask(&other());
    let twice = Samples::of(&sidecar);
    assert!(twice.value("cache_hits_total", &[]) > once.value("cache_hits_total", &[]));
    assert_eq!(
        twice.value("cache_misses_total", &[]),
        once.value("cache_misses_total", &[])
    );
}

/// Another question about the same entities: its decision is not in memory, they are.
fn other() -> Value {
    let mut question = allowed();
    question["action"] = json!("Peppol::Action::\"updateOrganisation\"");
    question
}

/// A counter that falls looks like a restart.
#[test]
fn a_reload_takes_nothing_from_the_counters() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let file = policies.join("all.cedar");
    let permit = "permit (principal, action, resource);\n";
    std::fs::write(&file, permit).unwrap();
    let sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .start();
    sidecar.ask(&allowed());
    sidecar.ask(&other());
    let before = Samples::of(&sidecar);
    std::fs::write(&file, format!("// Another text.\n{permit}")).unwrap();
    crate::eventually::until("the change is taken", || {
        Samples::of(&sidecar).value("reloads_total", &[("result", "taken")]) > 1.0
    });
    let after = Samples::of(&sidecar);
    for name in ["cache_hits_total", "cache_misses_total"] {
        assert!(before.value(name, &[]) > 0.0, "{name}");
        assert_eq!(after.value(name, &[]), before.value(name, &[]), "{name}");
    }
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .start();
    sidecar.ask(&allowed());
    sidecar.ask(&allowed());
    let samples = Samples::of(&sidecar);
    assert_eq!(samples.value("cache_entries", &[]), 0.0);
    assert_eq!(samples.value("cache_hits_total", &[]), 0.0);
}

/// Dashboards and alerts name them: a change here is one that users have to be told of. A metric with
/// labels has no lines before its first sample.
#[test]
fn every_metric_has_its_name_type_and_help() {
    let policies = project("policies");
    let start = Start::quickstart().with(&["--shadow", policies.to_str().unwrap()]);
    let sidecar = start.start();
    sidecar.ask(&allowed());
    sidecar.post("/v1/is_authorized", &json!({}));
    let search = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation"},
    });
    assert_eq!(sidecar.post("/v1/search", &search).status, 200);
    assert_eq!(sidecar.post("/v1/plan", &search).status, 200);
    sidecar.get("/authz/nginx");
    let refused = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("authorization", "Bearer none"),
    ];
    crate::gateway::ask(&sidecar.address, "/authz/nginx", &refused);
    until("the shadow looks at a decision", || {
        Samples::of(&sidecar).sum("shadow_decisions_total") > 0.0
    });
    let text = sidecar.get("/metrics").text;
    let described = text.lines().filter(|line| line.starts_with("# "));
    let mut described: Vec<&str> = described.collect();
    described.sort_unstable();
    let expected: Vec<&str> = include_str!("metrics.txt").lines().collect();
    assert_eq!(described, expected);
    super::watched::asks_for_what_there_is(&text);
}

#[test]
fn the_process_and_the_build_are_told_of() {
    let sidecar = Start::quickstart().start();
    let value = |name: &str| {
        let text = sidecar.get("/metrics").text;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} in {text}"))
            .parse::<f64>()
            .unwrap()
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        value(&format!("peppol_authz_build_info{{version=\"{version}\"}}")),
        1.0
    );
    // More than it has open by itself.
    let held: Vec<Connection> = (0..200).map(|_| Connection::open(&sidecar)).collect();
    until("connections are counted", || {
        value("process_open_fds") >= 200.0
    });
    // How near its limits it is.
    for (setting, most) in [("", 1024.0), ("_per_peer", 768.0)] {
        let of = format!("{{setting=\"server.connections{setting}\"}}");
        assert_eq!(value(&format!("peppol_authz_limit{of}")), most);
        let used = value(&format!("peppol_authz_limit_used{of}"));
        assert!((200.0..220.0).contains(&used), "{used}");
    }
    drop(held);
    until("they are not any more", || {
        value("process_open_fds") < 200.0
            && value("peppol_authz_limit_used{setting=\"server.connections\"}") < 10.0
    });
    assert!(value("process_max_fds") >= 1024.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let started = value("process_start_time_seconds");
    let ago = now.unwrap().as_secs_f64() - started;
    assert!((-5.0..3600.0).contains(&ago), "{ago}");
    let mebibyte = f64::from(1 << 20);
    let resident = value("process_resident_memory_bytes");
    assert!(resident > mebibyte && resident < value("process_virtual_memory_bytes"));
    assert!(value("process_threads") >= 2.0);
    // Some of a second has been used by now.
    let used = value("process_cpu_seconds_total");
    assert!(used > 0.0 && used < 3600.0, "{used}");
}
