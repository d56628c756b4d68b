//! The entities that a decision was about, as a header tells the service behind the gateway.
//!
//! A service that reads a request anew may find another entity in it: it may not know that
//! `GLN:579…` is `0088:579…`. So it is told the ids that were decided on, each as
//! `Type::"id"`. There is an item for each question, parted by commas: its resource, and behind
//! semicolons the entities of its context by name.
//!
//! ```text
//! Peppol::Organisation::"acme"; participant=Peppol::ParticipantIdentifier::"iso6523-actorid-upis::0088:579"
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cedar_policy::EntityUid;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use peppol_authz_engine::schema::{Record, Value};
use peppol_authz_engine::{Decision, Question};

/// Characters of an id that could not be read back, or would not arrive as they are. All that is
/// no ASCII is encoded too.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'"')
    .add(b'\\')
    .add(b',')
    .add(b';');

/// The same for the name of a member of a context.
const ENCODED_NAME: &AsciiSet = &ENCODED.add(b'=').add(b'.');

/// The text of the header, each item once; empty where it would be longer than `most` bytes. It
/// is never cut: a service would take a part for all.
pub(super) fn decided_entities(asked: &[(Question, Decision)], most: usize) -> String {
    let (mut text, mut seen) = (String::new(), BTreeSet::new());
    for (question, _) in asked {
        let mut item = String::new();
        entity(&mut item, &question.resource);
        members(&mut item, "", &question.context);
        if seen.contains(&item) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&item);
        if text.len() > most {
            return String::new();
        }
        seen.insert(item);
    }
    text
}

fn entity(item: &mut String, uid: &EntityUid) {
    let id = utf8_percent_encode(uid.id().as_ref(), ENCODED);
    // To write to a text does not fail.
    let _ = write!(item, "{}::\"{id}\"", uid.type_name());
}

/// Adds the entities of a record, those in records of it by their paths.
fn members(item: &mut String, path: &str, record: &Record) {
    for (name, value) in record {
        let name = utf8_percent_encode(name, ENCODED_NAME);
        member(item, &format!("{path}{name}"), value);
    }
}

/// Adds an entity, and each of a set.
fn member(item: &mut String, name: &str, value: &Value) {
    match value {
        Value::Entity(uid) => {
            let _ = write!(item, "; {name}=");
            entity(item, uid);
        }
        Value::Set(values) => values.iter().for_each(|value| member(item, name, value)),
        Value::Record(record) => members(item, &format!("{name}."), record),
        Value::Bool(_) | Value::Long(_) | Value::String(_) | Value::Extension(..) => {}
    }
}
