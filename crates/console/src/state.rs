//! The state of the program, for people who run it.

pub(crate) mod checks;
mod history;

use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};

use crate::console::ConsoleSetting;
use crate::entity::{code_words, seen};
use crate::language::Texts;
use crate::refusal::problem;
use crate::visit::Visit;
use history::history;
use peppol_authz_engine::text::duration;
use peppol_authz_server::http::{DeskState, LimitUsed};

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    let state = match visit.desk.state().await {
        Ok(state) => state,
        Err(refused) => return problem(&visit.frame(), &refused),
    };
    let all = visit.console.settings.iter();
    let (defaults, set): (Vec<_>, Vec<_>) = all.partition(|setting| setting.is_default);
    let contents = html! {
        div.lead {
            h1 { (texts.state) }
            p { (code_words(texts.state_lead)) }
        }
        (readiness(&state, texts))
        div.cards {
            (freshness(&state, texts))
            (memory(&state, texts))
            (certificates(&state, texts))
            (log(&state, texts))
            (versions(&state, texts))
        }
        (checked(&visit, texts))
        (history(&visit.console.app.loads.newest_first(), texts))
        (limits(&state.limits, texts))
        section.card {
            h2 { (texts.settings) }
            (settings(&set, texts))
            details {
                summary { (texts.from_defaults) " (" (defaults.len()) ")" }
                (settings(&defaults, texts))
            }
        }
    };
    visit.frame().page(texts.state, &contents)
}

fn settings(settings: &[&ConsoleSetting], texts: &Texts) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr { th scope="col" { (texts.setting) } th scope="col" { (texts.value) } th scope="col" { (texts.origin) } } }
            tbody {
                @for setting in settings {
                    tr {
                        th scope="row" { code { (setting.key) } }
                        td { code { bdi { (seen(&setting.value)) } } }
                        td { bdi { (seen(&setting.origin)) } }
                    }
                }
            }
        } }
    }
}

/// The way to the checks of `doctor`.
fn checked(visit: &Visit, texts: &Texts) -> Markup {
    let state = visit.console.errands.doctor.about("");
    html! {
        section.card {
            h2 { (texts.doctor) }
            p {
                @match state.result() {
                    None => (texts.errand_never),
                    Some(checks) => {
                        (checks.len()) " " (texts.checks_word) ", "
                        (checks.iter().filter(|it| it.state != "ok").count()) " " (texts.not_ok)
                    }
                }
                " " a href=(checks::PLACE) { (texts.show) }
            }
        }
    }
}

fn readiness(state: &DeskState, texts: &Texts) -> Markup {
    let ready = &state.ready;
    html! {
        section.verdict.allow[ready.ready].deny[!ready.ready] {
            h2 {
                span.sign aria-hidden="true" { (if ready.ready { "✓" } else { "✕" }) }
                (if ready.ready { texts.ready } else { texts.not_ready })
            }
            @if ready.missing.is_empty() { p { (texts.none_missing) } }
            @for (title, all) in [(texts.missing, &ready.missing), (texts.warnings, &ready.warnings)] {
                @if !all.is_empty() {
                    h3 { (title) }
                    ul.plain { @for text in all { li { bdi { (seen(text)) } } } }
                }
            }
        }
    }
}

/// Facts, each with its name.
fn facts(title: &str, facts: &[(&str, String)]) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            dl.facts { @for (name, value) in facts { div { dt { (name) } dd { code { bdi { (seen(value)) } } } } } }
        }
    }
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(
        || "–".to_owned(),
        |time| {
            duration::format(Duration::from_millis(
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            ))
        },
    )
}

fn freshness(state: &DeskState, texts: &Texts) -> Markup {
    let revision = state.tenancy_revision.clone();
    facts(
        texts.freshness,
        &[
            (
                texts.store_state,
                revision.unwrap_or_else(|| "–".to_owned()),
            ),
            (texts.looked, format!("{} {}", time(state.age), texts.ago)),
            (texts.lag, time(state.lag)),
            (
                texts.changes_seen,
                state
                    .epoch
                    .map_or_else(|| "–".to_owned(), |it| it.to_string()),
            ),
            (texts.workers_late, time(Some(state.delay))),
        ],
    )
}

fn memory(state: &DeskState, texts: &Texts) -> Markup {
    let (decisions, bytes) = state.kept;
    facts(
        texts.memory,
        &[
            (
                texts.entities_in_memory,
                format!("{} ({})", state.cache.entries, size(state.cache.bytes)),
            ),
            (
                texts.decisions_in_memory,
                format!("{decisions} ({})", size(bytes)),
            ),
            (texts.hits, state.cache.hits.to_string()),
            (texts.misses, state.cache.misses.to_string()),
        ],
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn certificates(state: &DeskState, texts: &Texts) -> Markup {
    html! {
        section.card {
            h2 { (texts.certificates) }
            @if state.certificates.is_empty() { p { (texts.no_tls) } }
            dl.facts {
                @for (listener, seconds, is_refused) in &state.certificates {
                    div {
                        dt { (texts.listener) " " code { (listener) } }
                        dd {
                            (texts.expires_in) " " (seconds / 86_400) " " (texts.days)
                            @if *is_refused { " · " strong { (texts.last_refused) } }
                        }
                    }
                }
            }
        }
    }
}

fn log(state: &DeskState, texts: &Texts) -> Markup {
    html! {
        section.card {
            h2 { (texts.decision_log) }
            @match &state.log {
                None => p { (texts.log_off) },
                Some(log) => {
                    @if log.failing { p.said { (texts.log_failing) } }
                    dl.facts {
                        div { dt { (texts.log_written) } dd { (log.written) } }
                        div { dt { (texts.log_dropped) } dd { (log.dropped) } }
                    }
                }
            }
            p.hint {
                (if state.has_shadow { texts.shadow_on } else { texts.shadow_off })
                @if state.has_shadow { " " a href="/console/decisions/shadow" { (texts.shadow_disagreements) } }
            }
        }
    }
}

fn versions(state: &DeskState, texts: &Texts) -> Markup {
    let [program, cedar, language] = &state.versions;
    facts(
        texts.versions,
        &[
            (texts.program, program.clone()),
            ("cedar-policy", cedar.clone()),
            ("Cedar", language.clone()),
            (texts.revision_policies, state.policy_revision.clone()),
        ],
    )
}

fn limits(limits: &[LimitUsed], texts: &Texts) -> Markup {
    html! {
        section.card {
            h2 { (texts.limits) }
            div.scroll tabindex="0" { table {
                thead { tr {
                    th scope="col" { (texts.limit) }
                    th.number scope="col" { (texts.used) }
                    th.number scope="col" { (texts.most) }
                    th.bar { span.unseen { (texts.used) } }
                } }
                tbody {
                    @for limit in limits {
                        tr {
                            th scope="row" { code { (limit.setting) } }
                            td.number { (limit.used) }
                            td.number { (limit.most) }
                            td.bar { meter min="0" max=(limit.most) value=(limit.used) high=(limit.most / 10 * 8) aria-label=(limit.setting) {} }
                        }
                    }
                }
            } }
        }
    }
}
