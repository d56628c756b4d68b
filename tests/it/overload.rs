//! More is asked than can be answered: what is beyond is refused at once, on every surface, and what
//! was let in is answered.

use std::time::Instant;

use serde_json::{Value, json};

use crate::connection::{ALLOWED, Connection, question};
use crate::eventually::until;
use crate::gateway::endpoints::ENDPOINTS;
use crate::gateway::envoy::{Envoy, get};
use crate::gateway::{OF_ACME, ask};
use crate::over::Over;
use crate::postgres::scene::{cold, quickstart};
use crate::postgres::server::{Database, SHARED};
use crate::postgres::session::PsqlSession;
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start};

/// A sidecar, and the address of its listener of gRPC.
struct Surfaces {
    sidecar: Sidecar,
    envoy: String,
}

/// The answer of a surface.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    surface: String,
    status: u16,
    /// The code, or for clients of AWS the text.
    code: String,
    /// True if it says when to ask again.
    again: bool,
}

impl Surfaces {
    fn of(start: Start) -> Self {
        let header = |name: &str| {
            format!(
                "[[gateway.header]]\nendpoint = \"{name}\"\nfrom = [\"127.0.0.1\"]\n\
                 name = \"X-User\"\ntype = \"User\"\n"
            )
        };
        let headers = ENDPOINTS.map(header).concat();
        let settings = format!("[gateway]\nenvoy_grpc_listen = \"127.0.0.1:0\"\n{headers}");
        let path = start.path("authz.toml");
        std::fs::write(&path, settings).unwrap();
        let sidecar = start.with(&["--config", path.to_str().unwrap()]).start();
        let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
        let envoy = address.as_str().unwrap().to_owned();
        Self { sidecar, envoy }
    }

    /// Asks on each of them what is allowed.
    fn ask_all(&self) -> Vec<Answered> {
        let one: Value = serde_json::from_str(ALLOWED).unwrap();
        let evaluation = json!({
            "subject": {"type": "user", "id": "anna"},
            "action": {"name": "getOrganisation"},
            "resource": {"type": "organisation", "id": "acme"},
        });
        let mut search = one.clone();
        search["resource"] = json!({"type": "Peppol::Organisation"});
        let mut subjects = evaluation.clone();
        subjects["subject"] = json!({"type": "user"});
        let of_aws = json!({
            "principal": {"entityType": "Peppol::User", "entityId": "anna"},
            "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
            "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"},
        });
        let mut one_of_aws = of_aws.clone();
        one_of_aws["policyStoreId"] = "any".into();
        let many_of_aws = json!({"policyStoreId": "any", "requests": [of_aws]});
        let mut evaluations = evaluation.clone();
        evaluations["evaluations"] = json!([{}, {}]);
        let posted = [
            ("/v1/is_authorized", &one, ""),
            (
                "/v1/batch_is_authorized",
                &json!({"requests": [one, one]}),
                "",
            ),
            ("/v1/search", &search, ""),
            ("/access/v1/evaluation", &evaluation, ""),
            ("/access/v1/evaluations", &evaluations, ""),
            ("/access/v1/search/subject", &subjects, ""),
            ("/", &one_of_aws, "IsAuthorized"),
            ("/", &many_of_aws, "BatchIsAuthorized"),
        ];
        let posted = posted.map(|(path, body, operation)| {
            let target = format!("VerifiedPermissions.{operation}");
            let headers = [("x-amz-target", target.as_str())];
            let reply = self
                .sidecar
                .send(path, &headers, body.to_string().as_bytes());
            Answered::of(&format!("{path}{operation}"), &reply)
        });
        let asked = ENDPOINTS.map(|name| {
            let behind = if name == "envoy" { "/orgs/acme" } else { "" };
            let path = format!("/authz/{name}{behind}");
            Answered::of(name, &ask(&self.sidecar.address, &path, &OF_ACME))
        });
        // Anew each time: a connection is closed that is silent for long.
        let mut envoy = Envoy::connect(&self.envoy);
        let verdict = envoy.check(get("/orgs/acme", &[("x-user", "anna")]), "");
        let checked = Answered {
            surface: "gRPC".to_owned(),
            status: verdict.status,
            code: verdict
                .header("x-authz-code")
                .unwrap_or_default()
                .to_owned(),
            again: verdict.header("retry-after").is_some(),
        };
        posted.into_iter().chain(asked).chain([checked]).collect()
    }

    fn is_looked_at(&self) {
        for path in ["/livez", "/readyz", "/healthz", "/version", "/metrics"] {
            let reply = self.sidecar.get(path);
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        }
    }

    /// How often it refused for that reason.
    fn refused(&self, reason: &str) -> f64 {
        Samples::of(&self.sidecar).value("overloaded_total", &[("reason", reason)])
    }

    /// How long all decisions took together.
    fn seconds(&self) -> f64 {
        Samples::of(&self.sidecar).value("decision_duration_seconds_sum", &[])
    }

    fn until_waiting(&self, number: f64) {
        until(&format!("{number} questions wait"), || {
            Samples::of(&self.sidecar).value("questions_waiting", &[]) == number
        });
    }

    /// Asks, and does not wait for the answer.
    fn asking(&self, body: &str) -> Connection {
        let mut connection = Connection::open(&self.sidecar);
        connection.write(question(body));
        connection
    }
}

impl Answered {
    fn of(surface: &str, reply: &Reply) -> Self {
        let json: Value = serde_json::from_str(&reply.text).unwrap_or_default();
        let code = json["code"].as_str().or_else(|| json["message"].as_str());
        Self {
            surface: surface.to_owned(),
            status: reply.status,
            code: code.unwrap_or_default().to_owned(),
            again: reply.header("retry-after") == Some("1"),
        }
    }

    fn is_refused(&self) -> bool {
        let told = [
            "OVERLOADED",
            "more is asked than can be answered; ask again a little later",
        ];
        self.status == 503 && told.contains(&self.code.as_str()) && self.again
    }
}

/// A sidecar that has no time limit of its own, and the database that it waits for.
fn patient(memory: bool) -> (Database, Start) {
    let database = quickstart(&SHARED);
    let start = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__DELAY", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__BURST_TIME", "1h")
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", &memory.to_string());
    (database, start)
}

/// Nobody can read users until it is told to end.
fn locked(database: &Database) -> PsqlSession {
    let mut session = PsqlSession::on(database);
    session.run("BEGIN; LOCK TABLE registered_user IN ACCESS EXCLUSIVE MODE");
    session
}

#[track_caller]
fn is_allowed(mut asking: Connection) {
    let reply = asking.reply();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["decision"], "Allow");
}

/// Those who wait for a state that has not come leave the store to others.
#[test]
fn a_state_that_has_not_come_keeps_nobody_else_waiting() {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__QUESTIONS", "2")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__WAIT", "10m")
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false");
    let sidecar = start.start();
    let asked: Value = serde_json::from_str(ALLOWED).unwrap();
    let revision = sidecar.ask(&asked)["tenancyRevision"].clone();
    let (history, state) = revision.as_str().unwrap().split_once('-').unwrap();
    let (number, digest) = state.split_once('.').unwrap();
    let later = number.parse::<u64>().unwrap() + 100;
    let mut of_later = asked.clone();
    of_later["atLeast"] = json!(format!("{history}-{later}.{digest}"));
    let waiting: Vec<Connection> = (0..2)
        .map(|_| {
            let mut connection = Connection::open(&sidecar);
            connection.write(question(&of_later.to_string()));
            connection
        })
        .collect();
    let mut answered = 0;
    until("others are answered", || {
        let reply = sidecar.post("/v1/is_authorized", &asked);
        answered += u32::from(reply.status == 200);
        answered == 20
    });
    drop(waiting);
}

#[test]
fn only_so_many_wait_for_the_store_on_any_surface() {
    let (database, start) = patient(false);
    let surfaces = Surfaces::of(start.variable("PEPPOL_AUTHZ_SERVER__QUESTIONS", "3"));
    let answered = surfaces.ask_all();
    assert!(answered.iter().all(|it| it.status == 200), "{answered:?}");
    let mut session = locked(&database);
    let waiting: Vec<_> = (0..3).map(|_| surfaces.asking(ALLOWED)).collect();
    surfaces.until_waiting(3.0);
    let samples = Samples::of(&surfaces.sidecar);
    for (setting, most) in [("server.questions", 3.0), ("store.readers", 16.0)] {
        let of = |name| samples.value(name, &[("setting", setting)]);
        let used = of("limit_used");
        assert_eq!(of("limit"), most);
        assert!((3.0..=6.0).contains(&used), "{setting}: {used}");
    }
    for times in 1..3 {
        let answered = surfaces.ask_all();
        assert!(answered.iter().all(Answered::is_refused), "{answered:?}");
        let refused = f64::from(u32::try_from(answered.len()).unwrap() * times);
        assert_eq!(surfaces.refused("store"), refused);
    }
    surfaces.is_looked_at();
    session.run("COMMIT");
    waiting.into_iter().for_each(is_allowed);
    surfaces.until_waiting(0.0);
    let answered = surfaces.ask_all();
    assert!(answered.iter().all(|it| it.status == 200), "{answered:?}");
    // Each was counted once, and none as a failure of the store.
    assert_eq!(
        Samples::of(&surfaces.sidecar).value("store_failures_total", &[]),
        0.0
    );
}

#[test]
fn who_waits_for_long_is_followed_by_few_and_a_burst_by_more() {
    let (database, start) = patient(false);
    let start = start.variable("PEPPOL_AUTHZ_STORE__READERS", "1");
    let surfaces = Surfaces::of(start.variable("PEPPOL_AUTHZ_SERVER__BURST_TIME", "0s"));
    let mut session = locked(&database);
    let mut waiting = Vec::new();
    for number in 1..=3 {
        waiting.push(surfaces.asking(ALLOWED));
        surfaces.until_waiting(f64::from(number));
    }
    // One is read and two are next, with one connection.
    let reply = surfaces.asking(ALLOWED).reply();
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (503, &"OVERLOADED".into())
    );
    session.run("COMMIT");
    waiting.into_iter().for_each(is_allowed);
    drop(session);

    let (database, start) = patient(false);
    let surfaces = Surfaces::of(start.variable("PEPPOL_AUTHZ_STORE__READERS", "1"));
    let mut session = locked(&database);
    let waiting: Vec<_> = (0..20).map(|_| surfaces.asking(ALLOWED)).collect();
    surfaces.until_waiting(20.0);
    session.run("COMMIT");
    waiting.into_iter().for_each(is_allowed);
    assert_eq!(surfaces.refused("store"), 0.0);
}

/// So an outage of the store is survived for what is in memory, however many wait for the rest.
#[test]
fn who_finds_all_in_memory_is_answered_while_others_wait() {
    let (database, start) = patient(true);
    let start = start.variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h");
    let surfaces = Surfaces::of(start.variable("PEPPOL_AUTHZ_SERVER__QUESTIONS", "3"));
    is_allowed(surfaces.asking(ALLOWED));
    let mut session = locked(&database);
    // Three that are read. Those that wait for another's read ask the store for nothing.
    let others = ["one", "two", "three"].map(|name| cold(name).to_string());
    let mut waiting: Vec<_> = others.iter().map(|it| surfaces.asking(it)).collect();
    surfaces.until_waiting(3.0);
    waiting.extend((0..5).map(|_| surfaces.asking(&others[1])));
    let reply = surfaces.asking(&cold("four").to_string()).reply();
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (503, &"OVERLOADED".into())
    );
    for _ in 0..20 {
        is_allowed(surfaces.asking(ALLOWED));
    }
    session.run("COMMIT");
    for mut asking in waiting {
        assert_eq!(asking.reply().json()["decision"], "Deny");
    }
}

#[test]
fn only_so_many_large_requests_wait_for_their_turn() {
    let (database, start) = patient(false);
    let surfaces = Surfaces::of(
        start
            .variable("PEPPOL_AUTHZ_SERVER__LARGE_REQUESTS", "2")
            .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1"),
    );
    let large = format!("{ALLOWED}{}", " ".repeat(20 << 10));
    is_allowed(surfaces.asking(&large));
    let before = surfaces.seconds();
    let mut session = locked(&database);
    // One has the turn, and one waits for it.
    let first = surfaces.asking(&large);
    surfaces.until_waiting(1.0);
    let second = surfaces.asking(&large);
    until("one waits for its turn", || {
        Samples::of(&surfaces.sidecar).value("large_requests_waiting", &[]) == 1.0
    });
    let began = Instant::now();
    let reply = surfaces.asking(&large).reply();
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (503, &"OVERLOADED".into())
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(surfaces.refused("large_requests"), 1.0);
    // It is no limit of others.
    let other = surfaces.asking(ALLOWED);
    surfaces.until_waiting(2.0);
    let waited = began.elapsed().as_secs_f64();
    session.run("COMMIT");
    [first, second, other].into_iter().for_each(is_allowed);
    // The time of both is told, also of the one that waited for its turn.
    let took = surfaces.seconds() - before;
    assert!(
        took >= 2.0 * waited,
        "{took} s, where each waited {waited} s"
    );
    until("there is a place again", || {
        surfaces.asking(&large).reply().status == 200
    });
}

/// Batches take turns on the one worker, and whoever is ready waits for all of them.
#[test]
fn while_the_workers_are_late_all_is_refused_on_every_surface() {
    let surfaces = Surfaces::of(
        Start::quickstart()
            .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
            .variable("PEPPOL_AUTHZ_SERVER__DELAY", "1ms")
            .variable("PEPPOL_AUTHZ_SERVER__BURST_TIME", "0s")
            // Equal questions are work, each of them.
            .variable("PEPPOL_AUTHZ_CACHE__DECISION_BYTES", "0"),
    );
    let address = surfaces.sidecar.address.clone();
    // Short enough to be decided on a worker.
    let batch = format!("{{\"requests\": [{}]}}", vec![ALLOWED; 80].join(","));
    let batch = question(&batch).replace("is_authorized", "batch_is_authorized");
    let over = Over::default();
    std::thread::scope(|scope| {
        let _until = over.until();
        // More than are few for one worker.
        for _ in 0..32 {
            scope.spawn(|| {
                let mut connection = Connection::open_at(&address);
                while !over.is() {
                    connection.write(&batch);
                    let status = connection.reply().status;
                    assert!([200, 503].contains(&status), "{status}");
                }
            });
        }
        let mut seen = std::collections::BTreeSet::new();
        until("each surface has refused", || {
            surfaces.is_looked_at();
            let answered = surfaces.ask_all();
            let number = answered.len();
            for answered in answered {
                assert!(
                    answered.status == 200 || answered.is_refused(),
                    "{answered:?}"
                );
                if answered.status != 200 {
                    seen.insert(answered.surface);
                }
            }
            seen.len() == number
        });
    });
    assert!(surfaces.refused("workers") >= 16.0);
    until("all is answered again", || {
        surfaces.ask_all().iter().all(|it| it.status == 200)
    });
}
