//! Keys, policies of callers and policies that change while clients ask: no request fails, no connection ends.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::administration::{OPEN, SCHEMA, entity, read};
use super::*;
use crate::over::Over;
use crate::sidecar::Sidecar;

/// Clients, each with one connection.
const CLIENTS: usize = 4;

/// Times that everything is replaced.
const ROUNDS: usize = 4;

/// The credentials that clients show, and the answers that they have.
#[derive(Default)]
struct Asking {
    /// The number of the key that they show.
    shown: AtomicUsize,
    /// Answers to each client.
    answered: [AtomicUsize; CLIENTS],
    /// The key that each client was let in by last.
    accepted: [AtomicUsize; CLIENTS],
}

impl Asking {
    fn all(&self) -> usize {
        self.answered
            .iter()
            .map(|it| it.load(Ordering::Relaxed))
            .sum()
    }

    /// Waits until each client has asked some more.
    fn goes_on(&self) {
        let before = self
            .answered
            .each_ref()
            .map(|it| it.load(Ordering::Relaxed));
        until("each client asks on", || {
            let now = self
                .answered
                .each_ref()
                .map(|it| it.load(Ordering::Relaxed));
            now.iter()
                .zip(before)
                .all(|(now, before)| *now > before + 3)
        });
    }
}

/// The name of a key, which says nothing of the caller: all are of one entry.
fn numbered(number: usize) -> String {
    format!("key-{number}")
}

/// A file with these keys of the gateway.
fn keys(numbers: &[usize]) -> String {
    let hashes = numbers
        .iter()
        .map(|number| hash_of_api_key(&key(&numbered(*number))).unwrap());
    let hashes: Vec<String> = hashes.collect();
    format!("[[key]]\nname = \"gateway\"\nhash = {hashes:?}\nclaims = {{ roles = [\"decide\"] }}\n")
}

/// Replaces a file at once.
fn replace(file: &Path, text: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(&next, file).unwrap();
}

/// Asks over one connection until told to stop. Whatever is no answer to it fails the test.
fn keep_asking(sidecar: &Sidecar, ours: &Authority, asking: &Asking, client: usize, over: &Over) {
    let mut kept = connect(sidecar, ours.client(None, HTTP1));
    while !over.is() {
        let shown = asking.shown.load(Ordering::SeqCst);
        is_allowed(&send_as(&mut kept, &numbered(shown), DECIDE, &read()));
        asking.accepted[client].store(shown, Ordering::SeqCst);
        asking.answered[client].fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_request_fails_while_keys_and_policies_are_replaced() {
    let ours = Authority::new();
    let start = Start::new()
        .policies(SCHEMA, OPEN)
        .entities(&json!([entity("User", "u"), entity("File", "f")]));
    let (file, own) = (start.path("callers.toml"), start.path("callers"));
    std::fs::create_dir(&own).unwrap();
    let of_callers = |round: usize| {
        format!(
            "// {round}\npermit (principal, action == Sidecar::Action::\"decide\", resource)\n\
             when {{ principal has key && principal.key == \"gateway\" && context.surface != \"{round}\" }};\n\
             permit (principal, action == Sidecar::Action::\"metrics\", resource);"
        )
    };
    std::fs::write(own.join("own.cedar"), of_callers(0)).unwrap();
    std::fs::write(&file, keys(&[0])).unwrap();
    let text = format!(
        "[callers]\nfile = \"{}\"\npolicies = \"{}\"\n[reload]\npoll_interval = \"10ms\"\nsettle = \"10ms\"\n",
        file.display(),
        own.display(),
    );
    let sidecar = with_tls(
        with_settings(start, &text),
        &ours.sign("server", "IP:127.0.0.1"),
    );
    let sidecar = sidecar.with(&["--listen", "0.0.0.0:0"]).start();
    let (over, asking) = (Over::default(), Asking::default());
    std::thread::scope(|scope| {
        let until_now = over.until();
        for client in 0..CLIENTS {
            let (sidecar, ours, asking, over) = (&sidecar, &ours, &asking, &over);
            scope.spawn(move || keep_asking(sidecar, ours, asking, client, over));
        }
        asking.goes_on();
        for round in 1..=ROUNDS {
            replace(&file, &keys(&[round - 1, round]));
            sidecar.wait_for_log("changed static keys are in force");
            asking.goes_on();
            // The clients change over, one after the other.
            asking.shown.store(round, Ordering::SeqCst);
            until("all have changed over", || {
                let accepted = asking.accepted.iter().map(|it| it.load(Ordering::SeqCst));
                accepted.eq([round; CLIENTS])
            });
            replace(&file, &keys(&[round]));
            sidecar.wait_for_log("changed static keys are in force");
            asking.goes_on();
            replace(&own.join("own.cedar"), &of_callers(round));
            sidecar.wait_for_log("changed policies of callers are in force");
            asking.goes_on();
            let policies = sidecar.path("policies/p.cedar");
            replace(&policies, &format!("// {round}\n{OPEN}"));
            sidecar.wait_for_log("changed policies are in force");
            asking.goes_on();
        }
        drop(until_now);
    });
    // The keys before were taken away.
    let mut late = connect(&sidecar, ours.client(None, HTTP1));
    is_refused(
        &send_as(&mut late, &numbered(ROUNDS - 1), DECIDE, &read()),
        401,
        "CALLER_UNKNOWN",
    );
    let mut looking = connect(&sidecar, ours.client(None, HTTP1));
    let metrics = send_as(&mut looking, &numbered(ROUNDS), "GET /metrics", "").text;
    let let_in = "peppol_authz_caller_requests_total{caller=\"key:gateway\",result=\"let_in\"} ";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(let_in));
    // With that for metrics, of which each is counted before it is answered.
    assert_eq!(counted, Some(&*(asking.all() + 1).to_string()), "{metrics}");
    let refused = metrics.lines().filter(|line| {
        line.starts_with("peppol_authz_caller_requests_total{caller=\"key:gateway\"")
    });
    assert_eq!(refused.count(), 1, "{metrics}");
}
