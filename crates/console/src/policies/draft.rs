//! A draft of a policy file: checked, and compared with what is in force. It is never put in force.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};

use super::compared::{Compared, compare};
use crate::decisions::newest_lines;
use crate::entity::seen;
use crate::entry::FORM_MARK;
use crate::language::Texts;
use crate::query::Parameters;
use crate::refusal::{form_refused, problem, problem_box};
use crate::visit::Visit;
use peppol_authz_engine::policy::{Bundle, Fault, SourceFile, Sources, load};
use peppol_authz_server::http::Problem;

/// How long a comparison may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The page with the text as it is.
pub(crate) async fn page(visit: Visit) -> Response {
    answered(&visit, &visit.query, None).await
}

/// The same, with a text that was edited.
pub(crate) async fn compared(visit: Visit, body: String) -> Response {
    match visit.form(&body) {
        Some(form) => answered(&visit, &form, form.whole("text")).await,
        None => form_refused(&visit.frame()),
    }
}

async fn answered(visit: &Visit, query: &Parameters, text: Option<&str>) -> Response {
    let texts = visit.texts();
    for path in ["/v1/policies", "/v1/data"] {
        if let Err(refused) = visit.desk.require_administration(path) {
            return problem(&visit.frame(), &refused);
        }
    }
    let sources = match sources(visit).await {
        Ok(sources) => sources,
        Err(refused) => return problem(&visit.frame(), &refused),
    };
    let named = query.get("file").unwrap_or_default();
    let file = sources.policies.iter().find(|file| file.name == named);
    let Some(file) = file.or_else(|| sources.policies.first()).cloned() else {
        return problem(&visit.frame(), &Problem::NotFound);
    };
    let text = text.map(|text| text.replace("\r\n", "\n"));
    let found = match &text {
        Some(text) => Some(drafted(visit, sources.clone(), &file, text).await),
        None => None,
    };
    let contents = html! {
        div.lead {
            h1 { (texts.draft) }
            p { (texts.draft_lead) }
        }
        @match &found {
            None => {},
            Some(Err(refused)) => (problem_box(texts, refused)),
            Some(Ok(Drafted::Faulty(faults))) => (faulty(faults, texts)),
            Some(Ok(Drafted::Compared(found))) => (found.shown(texts)),
        }
        form.card.line method="get" action="/console/policies/draft" {
            div.fields {
                div.field.wide {
                    label for="file" { (texts.file) }
                    select id="file" name="file" {
                        @for other in &sources.policies { option value=(other.name) selected[other.name == file.name] { (seen(&other.name)) } }
                    }
                }
                button type="submit" { (texts.show) }
            }
        }
        form.card.stack method="post" action="/console/policies/draft" {
            input type="hidden" name=(FORM_MARK) value=(visit.form_mark());
            input type="hidden" name="file" value=(file.name);
            label for="text" { bdi { (seen(&file.name)) } }
            // The first line break behind the tag is none of the text.
            textarea.code id="text" name="text" rows="24" spellcheck="false" autocomplete="off" wrap="off" {
                "\n" (text.as_deref().unwrap_or(&file.text))
            }
            button.primary type="submit" { (texts.compare) }
        }
    };
    visit.frame().page(texts.draft, &contents)
}

/// The outcome of a draft.
enum Drafted {
    /// It would be refused.
    Faulty(Vec<Fault>),
    Compared(Box<Compared>),
}

/// The files that the settings name, as they are now.
async fn sources(visit: &Visit) -> Result<Sources, Problem> {
    let places = visit.console.policies.clone();
    let read = tokio::task::spawn_blocking(move || places.read())
        .await
        .map_err(|error| Problem::Internal(error.to_string()))?;
    read.map_err(|error| Problem::Internal(error.to_string()))
}

async fn drafted(
    visit: &Visit,
    mut sources: Sources,
    file: &SourceFile,
    text: &str,
) -> Result<Drafted, Problem> {
    for known in &mut sources.policies {
        if known.name == file.name {
            *known = Arc::new(SourceFile {
                name: file.name.clone(),
                path: file.path.clone(),
                text: text.to_owned(),
            });
        }
    }
    // The list of files is of those in force.
    sources.manifest = None;
    sources.needs_manifest = false;
    let app = Arc::clone(&visit.console.app);
    let lines = newest_lines(&visit.console.log).await?;
    let key_file = visit.console.log.key_file.clone();
    let work = visit.console.drafts.on_a_thread(async move {
        let new: Bundle = match load(&sources) {
            Ok(new) => new,
            Err(faults) => return Ok::<Drafted, String>(Drafted::Faulty(faults)),
        };
        let compared = compare(&app, Arc::new(new), &lines, key_file).await?;
        Ok(Drafted::Compared(Box::new(compared)))
    });
    let done = tokio::time::timeout(PATIENCE, work).await;
    let done = done.map_err(|_| Problem::TimedOut)??;
    done.map_err(Problem::Internal)
}

fn faulty(faults: &[Fault], texts: &Texts) -> Markup {
    html! {
        section.problem role="alert" {
            h2 { (texts.draft_faulty) }
            ul.plain {
                @for fault in faults.iter().take(20) {
                    li {
                        bdi { (seen(&fault.to_string())) }
                        @if let Some(help) = &fault.help { div.hint { bdi { (seen(help)) } } }
                    }
                }
            }
        }
    }
}
