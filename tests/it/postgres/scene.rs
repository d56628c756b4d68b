//! A sidecar, its database, and the network between them.

use std::time::Duration;

use serde_json::{Value, json};

use super::proxy::{Mode, Proxy};
use super::server::{Database, Server};
use super::{import, open};
use crate::connection::ALLOWED;
use crate::sidecar::{Reply, Sidecar, Start, project};

/// Short, so that no test takes long; long enough for a slow machine to ask a few
/// questions in.
pub(crate) const MAX_STALE: Duration = Duration::from_secs(4);

/// Longer than the time limit of the scene's sidecar.
pub(crate) const TOO_SLOW: Duration = Duration::from_millis(900);

/// Dropped in this order.
pub(crate) struct Scene {
    pub(crate) sidecar: Sidecar,
    pub(crate) proxy: Proxy,
    pub(crate) database: Database,
}

/// A database with the tenancy of the examples.
pub(crate) fn quickstart(server: &Server) -> Database {
    let database = server.database();
    let documents = project("examples/quickstart/tenancy.ndjson");
    let documents = std::fs::read_to_string(documents).unwrap();
    import(&open(&database), &documents).unwrap();
    database
}

/// Settings with which trouble is noticed soon.
pub(crate) fn hurried(start: Start) -> Start {
    start
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "1s")
        .variable("PEPPOL_AUTHZ_STORE__READERS", "4")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "4s")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "100ms")
}

/// The same, but that the server may take long to answer, as on a busy machine: that is no trouble there.
pub(crate) fn patient() -> Start {
    hurried(Start::new()).variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "10s")
}

impl Scene {
    /// Over the tenancy of the examples, as a role of that name.
    pub(crate) fn of(server: &Server, role: &str, start: Start) -> Self {
        let database = quickstart(server);
        if role != "postgres" {
            database.sql(&format!(
                "CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}"
            ));
        }
        let proxy = Proxy::to(server.port);
        let url = database.url_of(role, proxy.port);
        let sidecar = start.with(&["--tenancy", &url]).start();
        Self {
            sidecar,
            proxy,
            database,
        }
    }

    pub(crate) fn asked(&self, question: &Value) -> Reply {
        self.sidecar.post("/v1/is_authorized", question)
    }

    /// The line of a metric.
    pub(crate) fn store_is_up(&self) -> bool {
        let text = self.sidecar.get("/metrics").text;
        let line = |value| format!("\npeppol_authz_store_up {value}\n");
        let (up, down) = (text.contains(&line("1")), text.contains(&line("0")));
        assert!(up != down, "{text}");
        up
    }

    /// It is ready, and everything is as it should be.
    pub(crate) fn is_well(&self) -> bool {
        let reply = self.sidecar.get("/readyz");
        reply.status == 200 && reply.json().get("warnings").is_none() && self.store_is_up()
    }
}

/// Anna asks to get acme, which is allowed while she is its orgadmin.
pub(crate) fn allowed() -> Value {
    serde_json::from_str(ALLOWED).unwrap()
}

pub(crate) const REVOKE: &str = "DELETE FROM membership WHERE user_id = 'anna'";

/// Something that nobody has asked before, and whose answer is a decision.
pub(crate) fn cold(name: &str) -> Value {
    json!({
        "principal": format!("Peppol::User::\"{name}\""),
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"globex\"",
    })
}

/// Checks that the reply names an unreadable store as its cause.
pub(crate) fn is_unavailable(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert_eq!(reply.json()["code"], "STORE_UNAVAILABLE");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

/// Forwards again.
pub(crate) fn forward(scene: &Scene) {
    scene.proxy.set(Mode::Forward);
}
