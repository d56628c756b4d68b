//! A shadow over a server: it has a connection of its own, so that what it waits for nobody else
//! waits for.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use super::{CLOSED, WIDER, allowed, looked, of_result, policies, shadow_of};
use crate::postgres::scene::quickstart;
use crate::postgres::server::{Database, SHARED};
use crate::postgres::session::PsqlSession;
use crate::samples::Samples;
use crate::sidecar::Start;

/// A sidecar over it, with a shadow. It waits for the store on a busy machine, too.
fn over(database: &Database, more: &str) -> Start {
    let start = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "1m");
    shadow_of(start, more).0
}

/// A lock on a table, until it is dropped.
struct Locked(std::process::Child);

impl Locked {
    fn of(database: &Database, table: &str) -> Self {
        let mut child = database
            .psql()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.as_mut().unwrap();
        let lock =
            format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n");
        input.write_all(lock.as_bytes()).unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(child)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A table that only the shadow looks at cannot be read. All is answered meanwhile, and
/// nothing of that is a disagreement.
#[test]
fn while_the_shadow_waits_for_a_table_all_is_answered() {
    let database = quickstart(&SHARED);
    let sidecar = over(&database, WIDER)
        .variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "8")
        .variable("PEPPOL_AUTHZ_STORE__READERS", "1")
        .start();
    // The first policies look at the same for both actions, and have it in memory from now on. The
    // shadow has not: from the slice of this one it could decide.
    let mut warm = allowed();
    warm["action"] = "Peppol::Action::\"updateOrganisation\"".into();
    assert_eq!(sidecar.ask(&warm)["decision"], "Allow");
    assert_eq!(of_result(&looked(&sidecar, 1), "agreed"), 1.0);

    let locked = Locked::of(&database, "account");
    let batch = json!({"requests": vec![allowed(); 20]});
    let reply = sidecar.post("/v1/batch_is_authorized", &batch);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let results = reply.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 20);
    assert!(results.iter().all(|result| result["decision"] == "Allow"));
    // A read goes by the one connection that there is for that.
    let mut cold = allowed();
    cold["resource"] = "Peppol::Organisation::\"globex\"".into();
    assert_eq!(sidecar.ask(&cold)["decision"], "Deny");
    assert_eq!(sidecar.get("/readyz").status, 200);
    assert_eq!(Samples::of(&sidecar).sum("shadow_decisions_total"), 1.0);
    drop(locked);

    let samples = looked(&sidecar, 22);
    // One in hand, and eight waited.
    let (agreed, dropped) = (
        of_result(&samples, "agreed"),
        samples.sum("shadow_dropped_total"),
    );
    assert_eq!(agreed + dropped, 22.0);
    assert!((9.0..=10.0).contains(&agreed), "{agreed}");
}

/// Turned to and fro on the server, while the shadow lags behind.
#[test]
fn two_states_of_a_server_are_no_disagreement() {
    let database = quickstart(&SHARED);
    let start = over(&database, &format!("{CLOSED}{WIDER}"));
    let first = start.path("first");
    policies(&first, CLOSED);
    let sidecar = start
        .with(&["--policies", first.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_SHADOW__CAPACITY", "100000")
        .start();
    let batch = json!({"requests": vec![allowed(); 50], "maxAge": "0s"});
    let (mut asked, mut denied) = (0_u32, 0_u32);
    let mut ask = || {
        let reply = sidecar.post("/v1/batch_is_authorized", &batch);
        assert_eq!(reply.status, 200, "{}", reply.text);
        for result in reply.json()["results"].as_array().unwrap() {
            asked += 1;
            denied += u32::from(result["decision"] == "Deny");
        }
    };
    let mut session = PsqlSession::on(&database);
    // The shadow is not waited for: it looks at each in whatever state there is by then.
    for _ in 0..80 {
        session.run(
            "UPDATE organisation SET mode =
               CASE mode WHEN 'DEMO' THEN 'SHARED' ELSE 'DEMO' END WHERE id = 'acme'",
        );
        ask();
    }
    // Of this state, in the end, the shadow is too.
    (0..20).for_each(|_| ask());
    assert!([2000, 3000].contains(&denied), "{denied} of {asked} denied");
    let samples = looked(&sidecar, asked);
    assert_eq!(samples.sum("shadow_disagreements_total"), 0.0);
    let (agreed, unsettled) = (
        of_result(&samples, "agreed"),
        of_result(&samples, "unsettled"),
    );
    assert_eq!(agreed + unsettled, f64::from(asked));
    assert!(agreed >= 1000.0, "{agreed}");
}

/// Nobody follows the server for the shadow: a decision says which state it has to be in.
#[test]
fn the_shadow_is_in_no_state_before_the_one_that_was_decided_from() {
    let database = quickstart(&SHARED);
    let shared = r#"@id("next/shared") @rule("MOD-1") @code("SHARED_IS_CLOSED")
        forbid (principal is Peppol::User, action == Peppol::Action::"getOrganisation", resource)
        when { resource.mode == Peppol::Mode::"SHARED" && principal.email.registered };"#;
    let sidecar = over(&database, shared).start();
    sidecar.ask(&allowed());
    assert_eq!(of_result(&looked(&sidecar, 1), "agreed"), 1.0);
    database.sql("UPDATE organisation SET mode = 'SHARED' WHERE id = 'acme'");
    let mut newest = allowed();
    newest["maxAge"] = "0s".into();
    assert_eq!(sidecar.ask(&newest)["decision"], "Allow");
    assert_eq!(of_result(&looked(&sidecar, 2), "disagreed"), 1.0);
}
