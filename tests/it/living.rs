//! A sidecar that is lived with for years: killed at any moment, on a full disk, by a clock that jumps, on a
//! machine that slept, among 10,000 connections, without descriptors.
//!
//! Each test says what is lost, which is nothing that was answered for, and what is answered meanwhile: what was
//! right before or after, or an error, and never another Allow.

#![allow(
    clippy::print_stderr,
    reason = "what each kill has left is shown, where somebody looks or a test fails"
)]

mod clock;
mod crowd;
mod descriptors;
mod fake_clock;
mod full_disk;
mod killed;
mod small_disk;
mod suspended;
mod swapped;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::import::{organisation, user};
use crate::sidecar::{Sidecar, program};

/// Two states of a store that say the opposite of two users. Nobody is superadmin twice: of the questions of
/// [`both`], one is allowed in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    First,
    Last,
}

impl State {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Last,
            Self::Last => Self::First,
        }
    }

    /// Its documents, with so many organisations between those that are asked about.
    fn documents(self, organisations: usize) -> String {
        let superadmin = |id: &str, is: bool| {
            let mut user = user(id, &format!("{id}@acme.example"));
            user["superadmin"] = json!(is);
            user
        };
        let between = (0..organisations).map(|number| {
            let mut document = organisation(&format!("o{number}"));
            document["participantLimit"] = json!(if self == Self::First { 3 } else { 7 });
            document
        });
        let documents = std::iter::once(superadmin("first", self == Self::First))
            .chain([organisation("asked")])
            .chain(between)
            .chain([superadmin("last", self == Self::Last)]);
        documents.map(|document| format!("{document}\n")).collect()
    }
}

/// A question that a superadmin alone is allowed, of an organisation that others are no members of.
pub(crate) fn superadmin(user: &str) -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": user},
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation", "id": "asked"},
    })
}

/// Asks of both users at once, in one state.
fn both() -> Value {
    json!({"requests": [superadmin("first"), superadmin("last")]})
}

/// The state that a sidecar answers from; an error, if it answers none.
#[track_caller]
fn answered(sidecar: &Sidecar) -> Result<State, String> {
    let reply = sidecar.post("/v1/batch_is_authorized", &both());
    let json = reply.json();
    let decisions = [0, 1].map(|number| json["results"][number]["decision"].clone());
    match [&decisions[0], &decisions[1]].map(Value::as_str) {
        [Some("Allow"), Some("Deny")] => Ok(State::First),
        [Some("Deny"), Some("Allow")] => Ok(State::Last),
        decided => {
            assert!(!decided.contains(&Some("Allow")), "{}", reply.text);
            Err(reply.text)
        }
    }
}

/// Runs a command to its end.
fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// The standard output of a command that succeeds.
#[track_caller]
pub(crate) fn done(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// All that a store holds.
#[track_caller]
fn exported(source: &str) -> String {
    done(&["export", "--tenancy", source])
}

/// The names of the files in a directory.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
