//! The disagreements of the shadow: counted by kind, filtered as the decision log is, each decided again by both sets of policies.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use super::again::{PATIENCE, line_of, told};
use super::filter_form::filter_form;
use super::line::{Filter, LoggedDecision};
use crate::entity::{brief, code_words, seen};
use crate::language::Texts;
use crate::refusal::{problem, problem_box};
use crate::visit::Visit;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Explanation, Unexplained};
use peppol_authz_server::decision_log::{Again, Line, Replay, Undecided};
use peppol_authz_server::http::{App, Problem};
use peppol_authz_server::shadow::{CountedKind, KeptDisagreement, Shadow};

pub(super) const PLACE: &str = "/console/decisions/shadow";

/// Letters of a part of a question.
const LETTERS: usize = 120;

/// Lines of a page.
const SHOWN: usize = 100;

/// A disagreement with what a table shows of its line.
type Shown = (LoggedDecision, Arc<KeptDisagreement>);

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    // A line tells what the store holds, of everybody.
    if let Err(refused) = visit.desk.require_administration("/v1/data") {
        return problem(&visit.frame(), &refused);
    }
    let app = Arc::clone(&visit.console.app);
    let shadow = app.shadow.as_ref();
    let found = shadow.and_then(|shadow| Some((shadow, shadow.disagreements()?)));
    let Some((shadow, disagreements)) = found else {
        return page_with(
            &visit,
            &html! { section.card { p { (code_words(texts.shadow_none)) } } },
        );
    };
    let filter = Filter::of(&visit.query);
    let all = disagreements.all();
    let read = all.iter().filter_map(|kept| {
        let line = LoggedDecision::read(&kept.line)?;
        let shadows = kept.shadow.iter().flat_map(|shadow| &shadow.codes);
        let is_wanted = filter.takes(&line.with_codes(shadows));
        is_wanted.then(|| (line, Arc::clone(kept)))
    });
    let matching: Vec<Shown> = read.collect();
    let replayed = match visit.query.get("replay") {
        Some(id) => Some(by_both(&visit, shadow, &all, id).await),
        None => None,
    };
    let (kinds, others) = disagreements.kinds();
    let contents = html! {
        @match &replayed {
            None => {},
            Some(Ok(found)) => (found),
            Some(Err(refused)) => (problem_box(texts, refused)),
        }
        section.card {
            p { (texts.shadow_policies) " " code { (shadow.bundle().revision) } }
            (counted(&kinds, others, texts))
        }
        (filter_form(&visit, PLACE))
        section.card {
            p.hint {
                (all.len()) " " (texts.shadow_kept) ", " (matching.len()) " " (texts.filtered)
                @if matching.len() > SHOWN { ", " (SHOWN) " " (texts.shown_of_them) }
            }
            @if !matching.is_empty() { (table(&visit, &matching, texts)) }
        }
    };
    page_with(&visit, &contents)
}

fn page_with(visit: &Visit, contents: &Markup) -> Response {
    let texts = visit.texts();
    let contents = html! {
        div.lead {
            p { a href="/console/decisions" { (texts.decisions) } }
            h1 { (texts.shadow_disagreements) }
            p { (texts.shadow_lead) }
        }
        (contents)
    };
    visit.frame().page(texts.shadow_disagreements, &contents)
}

fn counted(kinds: &[CountedKind], others: u64, texts: &Texts) -> Markup {
    if kinds.is_empty() {
        return html! { p { (texts.shadow_agrees) } };
    }
    let decision = |(verdict, codes): &(&'static str, String)| {
        html! { strong { (verdict) } " " @for code in codes.split(',').filter(|it| !it.is_empty()) { code.badge { (seen(code)) } " " } }
    };
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th.number scope="col" { (texts.how_often) }
                @for title in [texts.action, texts.difference, texts.answered, texts.by_the_shadow] { th scope="col" { (title) } }
            } }
            tbody { @for kind in kinds { tr {
                td.number { (kind.count) }
                th scope="row" { code { bdi { (seen(&kind.action)) } } }
                td { (kind.kind) }
                @for of in &kind.decisions { td { (decision(of)) } }
            } } }
        } }
        @if others > 0 { p.hint { (texts.other_kinds) " " (others) } }
    }
}

fn table(visit: &Visit, matching: &[Shown], texts: &Texts) -> Markup {
    let part = |text: &str| html! { bdi { (seen(&brief(text, LETTERS))) } };
    let titles = [
        texts.time,
        texts.principal,
        texts.action,
        texts.resource,
        texts.answered,
        texts.by_the_shadow,
        texts.surface,
    ];
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                @for title in titles { th scope="col" { (title) } }
                th { span.unseen { (texts.replay) } }
            } }
            tbody {
                @for (line, kept) in matching.iter().rev().take(SHOWN) {
                    tr {
                        td { time datetime=(line.time) { (line.time.replace('T', " ")) } }
                        td { (part(&line.principal)) }
                        td { code { (part(&line.action)) } }
                        td { (part(&line.resource)) }
                        td { (decision(line.is_allowed, &line.codes, texts)) }
                        td {
                            @match &kept.shadow {
                                Some(shadow) => (decision(shadow.is_allowed, &shadow.codes, texts)),
                                None => code { (kept.kind) },
                            }
                        }
                        td { (part(&line.surface)) }
                        td { a href=(visit.query.with("replay", &line.id).behind(PLACE)) { (texts.replay) } }
                    }
                }
            }
        } }
    }
}

fn decision(is_allowed: bool, codes: &[String], texts: &Texts) -> Markup {
    html! {
        span.allow[is_allowed].deny[!is_allowed] { strong.tone { (if is_allowed { texts.allowed } else { texts.denied }) } }
        @for code in codes { " " code.badge { (seen(code)) } }
    }
}

/// A decision again, why it is so, and true if it was made from the present store.
type DecidedAgain = Result<(Again, Result<Explanation, Unexplained>, bool), String>;

/// Decides a line again by the policies in force and by those of the shadow.
async fn by_both(
    visit: &Visit,
    shadow: &Shadow,
    all: &[Arc<KeptDisagreement>],
    id: &str,
) -> Result<Markup, Problem> {
    let texts = visit.texts();
    let line = line_of(all.iter().map(|kept| kept.line.as_str()), id)?;
    let (app, other) = (Arc::clone(&visit.console.app), shadow.bundle());
    let own = Arc::clone(&app);
    let decided = app.explanations.on_a_thread(async move {
        let bundle = Arc::clone(&own.engine.state().bundle);
        let first = decide(&line, bundle, &own).await;
        (first, decide(&line, other, &own).await)
    });
    let decided = tokio::time::timeout(PATIENCE, decided).await;
    let (first, other) = decided.map_err(|_| Problem::TimedOut)??;
    Ok(html! {
        @for (title, decided) in [(texts.replayed_first, &first), (texts.replayed_shadow, &other)] {
            section.card {
                h2 { (title) }
                @match decided {
                    Err(why) => p { (texts.not_replayed) " " bdi { (seen(why)) } },
                    Ok((again, why, is_live)) => {
                        @if *is_live { p.hint { (texts.from_the_store) } }
                        (told(visit, again, &[], why))
                    }
                }
            }
        }
    })
}

/// Decides a line from its entities; where the policies look at others, from the store as it is now.
async fn decide(line: &Line, bundle: Arc<Bundle>, app: &App) -> DecidedAgain {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut replay = Replay::new(Arc::clone(&bundle)).map_err(|error| said(&error))?;
    let (again, is_live) = match replay.decide(line).await {
        Err(Undecided::Failed(_)) => {
            let live = replay.over(app.engine.store(), None).await;
            let mut bare = line.clone();
            bare.slice = None;
            let again = live.map_err(|error| said(&error))?.decide(&bare).await;
            (again, true)
        }
        again => (again, false),
    };
    let again = again.map_err(|error| said(&error))?;
    let why = Explanation::of(&bundle, &again.question, &again.decision);
    Ok((again, why, is_live))
}
