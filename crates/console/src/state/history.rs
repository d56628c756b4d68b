//! The history of what was loaded, and what was refused and why.

use maud::{Markup, html};

use crate::entity::seen;
use crate::errand_form::instant;
use crate::language::Texts;
use peppol_authz_server::loads::{Load, LoadedPart};

/// All that this process still knows, the newest first.
pub(super) fn history(loads: &[Load], texts: &Texts) -> Markup {
    html! {
        section.card id="history" {
            h2 { (texts.history) }
            p.hint { (texts.history_lead) }
            @if loads.is_empty() { p { (texts.history_none) } } @else {
                div.scroll tabindex="0" { table {
                    thead { tr {
                        @for title in [texts.time, texts.part, texts.result, texts.history_what] { th scope="col" { (title) } }
                    } }
                    tbody { @for load in loads { (line(load, texts)) } }
                } }
            }
        }
    }
}

fn line(load: &Load, texts: &Texts) -> Markup {
    let is_taken = load.outcome.is_ok();
    html! {
        tr {
            td { (instant(load.at)) }
            th scope="row" { (part(load.part, texts)) }
            td.allow[is_taken].deny[!is_taken] { strong.tone { (if is_taken { texts.taken } else { texts.refused_word }) } }
            td {
                @match &load.outcome {
                    Ok(revision) => {
                        @if !load.name.is_empty() { code { bdi { (seen(&load.name)) } } " " }
                        code { bdi { (seen(revision)) } }
                    }
                    Err(faults) => {
                        @if !load.name.is_empty() { code { bdi { (seen(&load.name)) } } }
                        ul.plain { @for fault in faults { li { bdi { (seen(fault)) } } } }
                        @if load.more > 0 { p.hint { (texts.and_others) " (" (load.more) ")" } }
                    }
                }
            }
        }
    }
}

fn part(part: LoadedPart, texts: &Texts) -> &'static str {
    match part {
        LoadedPart::Policies => texts.policies,
        LoadedPart::Entities => texts.entities_word,
        LoadedPart::Shadow => texts.part_shadow,
        LoadedPart::CallerPolicies => texts.part_callers,
        LoadedPart::Keys => texts.part_keys,
        LoadedPart::Certificate => texts.part_certificate,
        LoadedPart::TokenKeys => texts.part_token_keys,
    }
}
