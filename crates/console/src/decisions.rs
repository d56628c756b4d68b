//! The decision log: its newest lines, filtered, over time, and each decided again.

mod again;
mod filter_form;
mod line;
mod plot;
pub(crate) mod shadow;
mod tail;

use axum::response::Response;
use maud::{Markup, html};

use crate::entity::{brief, code_words, seen};
use crate::language::Texts;
use crate::refusal::{problem, problem_box};
use crate::visit::Visit;
use again::again;
use filter_form::filter_form;
use line::{Filter, LoggedDecision};
use peppol_authz_server::config::{DecisionLogSettings, LogTarget};
use peppol_authz_server::http::Problem;
use plot::plot;
use tail::Tail;

/// Lines of a page.
const SHOWN: usize = 100;

/// Lines that a draft is held against.
const COMPARED: usize = 2_000;

/// Letters of a part of a question.
const LETTERS: usize = 120;

pub(crate) async fn page(visit: Visit) -> Response {
    let texts = visit.texts();
    // A line tells what the store holds, of everybody.
    if let Err(refused) = visit.desk.require_administration("/v1/data") {
        return problem(&visit.frame(), &refused);
    }
    let path = match &visit.console.log.to {
        LogTarget::File(path) => path.clone(),
        LogTarget::Off => return nothing(&visit, texts.log_none),
        LogTarget::Stdout | LogTarget::Syslog(_) | LogTarget::Otlp => {
            return nothing(&visit, texts.log_not_file);
        }
    };
    let tail = match Tail::read(path).await {
        Ok(tail) => tail,
        Err(refused) => return problem(&visit.frame(), &refused),
    };
    let filter = Filter::of(&visit.query);
    let (mut matching, mut unread) = (Vec::new(), 0);
    for text in tail.lines() {
        match LoggedDecision::read(text) {
            Some(line) if filter.takes(&line) => matching.push(line),
            Some(_) => {}
            None => unread += 1,
        }
    }
    let replayed = match visit.query.get("replay") {
        Some(id) => Some(again(&visit, &tail, id).await),
        None => None,
    };
    let contents = html! {
        div.lead {
            h1 { (texts.decisions) }
            p { (texts.decisions_lead) }
            p { a href=(shadow::PLACE) { (texts.shadow_disagreements) } }
        }
        @match &replayed {
            None => {},
            Some(Ok(found)) => (found),
            Some(Err(refused)) => (problem_box(texts, refused)),
        }
        (filter_form(&visit, "/console/decisions"))
        (plot(&matching, texts))
        section.card {
            p.hint {
                (tail.lines().count()) " " (texts.lines_read) ", " (matching.len()) " " (texts.filtered)
                @if matching.len() > SHOWN { ", " (SHOWN) " " (texts.shown_of_them) }
                @if unread > 0 { ", " (unread) " " (texts.unread_lines) }
            }
            (table(&visit, &matching, texts))
        }
    };
    visit.frame().page(texts.decisions, &contents)
}

/// The newest lines of the log, where there is a file of it.
pub(crate) async fn newest_lines(log: &DecisionLogSettings) -> Result<Vec<String>, Problem> {
    let LogTarget::File(path) = &log.to else {
        return Ok(Vec::new());
    };
    let tail = Tail::read(path.clone()).await?;
    let mut lines: Vec<String> = tail
        .lines()
        .rev()
        .take(COMPARED)
        .map(str::to_owned)
        .collect();
    lines.reverse();
    Ok(lines)
}

fn nothing(visit: &Visit, why: &str) -> Response {
    let texts = visit.texts();
    let contents = html! {
        div.lead {
            h1 { (texts.decisions) }
            p { a href=(shadow::PLACE) { (texts.shadow_disagreements) } }
        }
        section.card { p { (code_words(why)) } }
    };
    visit.frame().page(texts.decisions, &contents)
}

fn table(visit: &Visit, matching: &[LoggedDecision], texts: &Texts) -> Markup {
    let part = |text: &str| html! { bdi { (seen(&brief(text, LETTERS))) } };
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                @for title in [texts.time, texts.verdict, texts.principal, texts.action, texts.resource, texts.code, texts.surface] {
                    th scope="col" { (title) }
                }
                th { span.unseen { (texts.replay) } }
            } }
            tbody {
                @for line in matching.iter().rev().take(SHOWN) {
                    tr {
                        td { time datetime=(line.time) { (line.time.replace('T', " ")) } }
                        td.allow[line.is_allowed].deny[!line.is_allowed] { strong.tone { (if line.is_allowed { texts.allowed } else { texts.denied }) } }
                        td { (part(&line.principal)) }
                        td { code { (part(&line.action)) } }
                        td { (part(&line.resource)) }
                        td { @for code in &line.codes { code.badge { (part(code)) } " " } }
                        td { (part(&line.surface)) }
                        td { a href=(visit.query.with("replay", &line.id).behind("/console/decisions")) { (texts.replay) } }
                    }
                }
            }
        } }
    }
}
