//! Actions of which nobody can list the contexts.

use maud::{Markup, html};

use crate::entity::{id, seen};
use crate::language::Texts;
use peppol_authz_engine::OpenAction;

/// Actions that nobody can list the contexts of.
pub(super) fn open_actions(open: &[OpenAction], texts: &Texts) -> Markup {
    let mut names: Vec<String> = open
        .iter()
        .map(|open| {
            let members = open
                .members
                .iter()
                .map(|(name, of)| format!("{name}: {of}"));
            format!(
                "{} ({})",
                id(&open.action),
                members.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    names.sort();
    names.dedup();
    html! {
        @if !names.is_empty() {
            details {
                summary { (texts.open_actions) " (" (names.len()) ")" }
                p.hint { (texts.open_lead) }
                ul.plain { @for name in &names { li { code { (seen(name)) } } } }
            }
        }
    }
}
