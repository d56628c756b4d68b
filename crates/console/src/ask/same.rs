//! The same question for others: a program, a suite, a link.

use maud::{Markup, html};
use serde_json::{Value as Json, json};

use super::asking::{Asking, COMPLETE};
use crate::entity::seen;
use crate::visit::Visit;
use peppol_authz_engine::{Decision, Verdict};

pub(super) fn same(
    visit: &Visit,
    asking: &Asking<'_>,
    question: &Json,
    decision: Option<&Decision>,
) -> Markup {
    let texts = visit.texts();
    let link = asking.query.without("lang").with(COMPLETE, "1").set();
    let link = link.behind("/console/ask");
    let has_tls = visit
        .console
        .app
        .tls
        .iter()
        .any(|(of, _)| *of == "questions");
    let address = &visit.console.questions;
    let forms = [
        (
            texts.curl,
            curl(address, has_tls, "/v1/is_authorized", question),
        ),
        (
            texts.authzen,
            curl(
                address,
                has_tls,
                "/access/v1/evaluation",
                &authzen(question),
            ),
        ),
        (
            texts.suite_case,
            decision
                .map(|it| case(asking, question, it))
                .unwrap_or_default(),
        ),
    ];
    html! {
        section.card {
            h2 { (texts.same_as) }
            p { a href=(link) { (texts.permalink) } }
            @for (name, text) in forms.iter().filter(|(_, text)| !text.is_empty()) {
                details {
                    summary { (name) }
                    pre tabindex="0" { code { (seen(text)) } }
                }
            }
        }
    }
}

/// A request by curl, for a shell.
fn curl(address: &str, has_tls: bool, path: &str, body: &Json) -> String {
    let scheme = if has_tls { "https" } else { "http" };
    let target = match address.strip_prefix("unix:") {
        Some(socket) => format!("--unix-socket {} http://localhost{path}", quoted(socket)),
        None => format!("{scheme}://{address}{path}"),
    };
    let body = serde_json::to_string_pretty(body).unwrap_or_default();
    format!(
        "curl -s {target} \\\n  -H 'content-type: application/json' -d {}",
        quoted(&body)
    )
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn authzen(question: &Json) -> Json {
    json!({
        "subject": question.get("principal"),
        "action": {"name": question.pointer("/action/id")},
        "resource": question.get("resource"),
        "context": question.get("context"),
    })
}

/// A case of a suite in TOML.
fn case(asking: &Asking<'_>, question: &Json, decision: &Decision) -> String {
    let literal = |member: &str| match question.get(member) {
        Some(Json::Object(uid)) => {
            let text = |name: &str| uid.get(name).and_then(Json::as_str).unwrap_or_default();
            format!("{}::{}", text("type"), Json::from(text("id")))
        }
        Some(Json::String(text)) => text.clone(),
        _ => String::new(),
    };
    let action = asking
        .action
        .map_or("", |action| crate::entity::id(&action.uid));
    let mut lines = vec![
        "[[case]]".to_owned(),
        format!(
            "name      = {}",
            Json::from(format!("{action}: {}", decision.verdict.name()))
        ),
        format!("principal = {}", Json::from(literal("principal"))),
        format!("action    = {}", Json::from(action)),
        format!("resource  = {}", Json::from(literal("resource"))),
    ];
    let context = question
        .get("context")
        .filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    lines.extend(context.map(|context| format!("context   = {}", inline(context))));
    lines.push(match decision.verdict {
        Verdict::Allow => "allow     = true".to_owned(),
        Verdict::Deny => {
            let codes = decision
                .reasons
                .iter()
                .filter_map(|reason| reason.code.as_deref());
            format!("deny      = {}", Json::from(codes.collect::<Vec<_>>()))
        }
    });
    lines.join("\n")
}

/// JSON as a value of TOML. The strings of both have the same escapes.
fn inline(json: &Json) -> String {
    match json {
        Json::Object(members) => {
            let members = members.iter();
            let pairs = members
                .map(|(name, value)| format!("{} = {}", Json::from(name.as_str()), inline(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Json::Array(values) => {
            let values = values.iter().map(inline);
            format!("[{}]", values.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
