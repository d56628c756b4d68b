//! Statements that are prepared once, over views that are made anew and tables that grow.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use super::scene::{allowed, cold, quickstart};
use super::server::{SHARED, Server};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start};

/// The view of the memberships of users, with other columns and other rows each time, and if anna is in acme by it.
fn views() -> [(String, bool); 4] {
    let view = |id: &str, key: &str, value: &str, more: &str| {
        format!(
            "BEGIN; DROP VIEW \"Peppol::User.tags\"; CREATE VIEW \"Peppol::User.tags\" AS
             SELECT {id} AS id, {key} AS key, {value} AS value FROM membership {more}; COMMIT"
        )
    };
    [
        (
            view("user_id", "organisation_id", "ARRAY[member_role]", ""),
            true,
        ),
        (
            view(
                "user_id",
                "organisation_id",
                "ARRAY[member_role]",
                "WHERE user_id <> 'anna'",
            ),
            false,
        ),
        (
            view(
                "user_id::varchar(50)",
                "organisation_id::name",
                "jsonb_build_array(member_role)",
                "",
            ),
            true,
        ),
        (
            view(
                "'x' || user_id",
                "organisation_id",
                "'[\"orgadmin\"]'::text",
                "",
            ),
            false,
        ),
    ]
}

/// Ends the load, also where an assertion fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn views_that_are_made_anew_under_load_are_read_as_they_are() {
    let database = quickstart(&SHARED);
    let start = |enabled: &str| {
        Start::new()
            .with(&["--tenancy", &database.url()])
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", enabled)
            .start()
    };
    let sidecars = [start("true"), start("false")];
    let mut question = allowed();
    question["maxAge"] = json!("0s");
    let views = views();
    // Twice the number of the view that is there; an odd number while another one takes its place.
    let (now, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let ask = |sidecar: &Sidecar| {
        let before = now.load(Ordering::SeqCst);
        let reply = sidecar.post("/v1/is_authorized", &question);
        let is_there = before % 2 == 0 && before == now.load(Ordering::SeqCst);
        if is_there {
            assert_eq!(reply.status, 200, "{}", reply.text);
            let wanted = before == 0 || views[(before / 2 - 1) as usize % views.len()].1;
            let said = reply.json()["decision"] == "Allow";
            assert_eq!(said, wanted, "{before}: {}", reply.text);
        } else if reply.status != 200 {
            assert!((500..600).contains(&reply.status), "{}", reply.text);
        }
    };
    std::thread::scope(|scope| {
        for sidecar in sidecars.iter().chain(&sidecars).chain(&sidecars) {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    ask(sidecar);
                }
            });
        }
        let _end = End(&ended);
        for round in 0..5 {
            for (number, (view, _)) in views.iter().enumerate() {
                now.fetch_add(1, Ordering::SeqCst);
                database.sql(view);
                let place = 2 * (round * views.len() + number + 1) as u64;
                now.store(place, Ordering::SeqCst);
                for _ in 0..3 {
                    sidecars.iter().for_each(ask);
                }
            }
        }
    });
}

/// A setting that values depend on is of a session, and changes while no transaction does.
#[test]
fn a_setting_that_changes_without_a_transaction_is_another_state() {
    let server = Server::start(&[]);
    let database = quickstart(&server);
    let sidecar = Start::new().with(&["--tenancy", &database.url()]).start();
    let mut question = allowed();
    question["maxAge"] = json!("0s");
    let revision = |question: &Value| sidecar.ask(question)["tenancyRevision"].clone();
    let before = revision(&question);
    assert_eq!(revision(&question), before, "nobody writes");
    let read = |sidecar| Samples::of(sidecar).value("cache_misses_total", &[]);
    let reads = read(&sidecar);
    revision(&question);
    assert_eq!(read(&sidecar), reads, "all is in memory");
    database.sql("ALTER SYSTEM SET timezone = 'America/Lima'");
    database.sql("SELECT pg_reload_conf()");
    // Long before all is described anew.
    let is_seen = (0..200).any(|_| {
        revision(&question);
        read(&sidecar) > reads
    });
    assert!(is_seen, "what was in memory is dropped");
}

/// The same questions about others need no statement to be parsed or planned anew.
#[test]
fn a_connection_prepares_each_statement_once() {
    let server = Server::start(&["log_min_duration_statement=0", "log_line_prefix=%a: "]);
    let database = quickstart(&server);
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .variable("PEPPOL_AUTHZ_STORE__READERS", "1")
        .start();
    // Twice a minute all is described and prepared anew.
    until("nothing is parsed", || {
        sidecar.ask(&allowed());
        let before = server.log().len();
        let said = sidecar.ask(&cold("mia"));
        assert_eq!(said["decision"], "Deny");
        let log = server.log().split_off(before);
        let ours = log
            .lines()
            .filter(|line| line.starts_with("peppol-authz: "));
        let executed = ours.clone().filter(|line| line.contains(" execute s"));
        assert!(executed.count() >= 3, "{log}");
        let parsed = |line: &&str| line.contains(" parse ") || line.contains("<unnamed>");
        ours.filter(parsed).count() == 0
    });
}

/// A plan for a table of one page looks through all of it. It is not kept for a table that much is added to.
#[test]
fn no_plan_for_a_small_table_is_kept_when_it_has_grown() {
    let server = Server::start(&[
        "shared_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "autovacuum=off",
    ]);
    let database = quickstart(&server);
    database.sql("ANALYZE");
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_STORE__READERS", "1")
        .start();
    let mut number = 0;
    let mut ask = |times: usize| {
        let before = server.log().len();
        for _ in 0..times {
            number += 1;
            let mut question = cold(&format!("n{number}"));
            question["maxAge"] = json!("0s");
            assert_eq!(sidecar.ask(&question)["decision"], "Deny");
        }
        let log = server.log().split_off(before);
        log.matches("Seq Scan on registered_user").count()
    };
    assert!(ask(12) >= 12);
    database.sql(
        "BEGIN; INSERT INTO registered_user SELECT 'm' || n, true, false FROM generate_series(1, 50000) AS n;
         INSERT INTO account (email, user_id) SELECT 'm' || n || '@x.example', 'm' || n FROM generate_series(1, 50000) AS n;
         COMMIT",
    );
    assert_eq!(ask(12), 0);
}
