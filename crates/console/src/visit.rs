//! A request that was let in: who asks, and in which language.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::console::Console;
use crate::entry::{FORM_MARK, NotEntered, SESSION};
use crate::frame::Frame;
use crate::guard::{cookie, is_local_name, is_opened, is_own_form};
use crate::language::{Language, Texts};
use crate::query::Parameters;
use crate::refusal::refused;
use peppol_authz_server::callers::Proof;
use peppol_authz_server::http::{Desk, Problem};

/// A request that was let in.
pub(crate) struct Visit {
    pub(crate) console: Arc<Console>,
    pub(crate) desk: Desk,
    pub(crate) language: Language,
    pub(crate) query: Parameters,
    pub(crate) uri: Uri,
    headers: HeaderMap,
    /// True if somebody has signed in; otherwise the connection tells who asks.
    pub(crate) has_session: bool,
}

/// The caller, if it is let in.
struct Entered {
    desk: Desk,
    has_session: bool,
}

impl Visit {
    pub(crate) fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// The token that all forms of this visitor show.
    pub(crate) fn form_mark(&self) -> String {
        self.console.key.mark(&self.form_mark_of())
    }

    /// Of a session, it is bound to its name.
    fn form_mark_of(&self) -> [&str; 3] {
        let session = match self.has_session {
            true => cookie(&self.headers, SESSION).unwrap_or_default(),
            false => "",
        };
        ["form", session, &self.desk.caller().id]
    }

    /// Reads a form that a page of this visitor has sent.
    pub(crate) fn form(&self, body: &str) -> Option<Parameters> {
        let form = Parameters::read(body);
        let mark = form.get(FORM_MARK)?;
        self.is_own_form(mark).then(|| form.without(FORM_MARK))
    }

    /// True if a page of this visitor has sent a form with this mark.
    pub(crate) fn is_own_form(&self, mark: &str) -> bool {
        let is_own = self.console.key.is_mark(mark, &self.form_mark_of());
        is_own && is_own_form(&self.headers)
    }

    /// Ends its session.
    pub(crate) fn end_session(&self) {
        if let Some(name) = cookie(&self.headers, SESSION) {
            self.console.sessions.end(name);
        }
    }

    /// The frame of its pages.
    pub(crate) fn frame(&self) -> Frame {
        let caller = self.desk.caller();
        let is_known = caller.proof != Proof::Nothing;
        Frame {
            language: self.language,
            at: self.uri.clone(),
            caller: is_known.then(|| caller.id.clone()),
            form_mark: self.has_session.then(|| self.form_mark()),
            administers: self.desk.administers("/readyz"),
            is_in: true,
        }
    }
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Arc<Console>,
    ) -> Result<Self, Response> {
        let language = Language::of(&parts.headers);
        match entered(parts, console).await {
            Ok(Entered { desk, has_session }) => Ok(Self {
                console: Arc::clone(console),
                desk,
                language,
                query: Parameters::read(parts.uri.query().unwrap_or_default()),
                uri: parts.uri.clone(),
                headers: parts.headers.clone(),
                has_session,
            }),
            Err(why) => Err(refused(console, language, &parts.uri, &parts.headers, &why)),
        }
    }
}

async fn entered(parts: &Parts, console: &Arc<Console>) -> Result<Entered, NotEntered> {
    let headers = &parts.headers;
    if !is_opened(headers) {
        return Err(NotEntered::Foreign);
    }
    let connected = Desk::connected(&parts.extensions);
    let name = cookie(headers, SESSION).filter(|name| !name.is_empty());
    let Some(name) = name else {
        // A stranger's page in the same browser has all that the connection shows.
        let caller = connected.caller();
        if caller.is_local && caller.proof == Proof::Nothing && !is_local_name(headers) {
            return Err(NotEntered::Foreign);
        }
        let desk = Desk::open(&console.app, connected, None, headers).await;
        return Ok(Entered {
            desk: desk.map_err(NotEntered::Problem)?,
            has_session: false,
        });
    };
    let session = console.sessions.find(name).ok_or(NotEntered::SessionOver)?;
    let shown = Some(session.shown.as_str());
    match Desk::open(&console.app, connected, shown, headers).await {
        Ok(desk) if desk.is_shown() && desk.caller().id == session.caller => Ok(Entered {
            desk,
            has_session: true,
        }),
        Ok(_) | Err(Problem::CallerUnknown) => {
            console.sessions.end(name);
            Err(NotEntered::SessionOver)
        }
        Err(problem) => Err(NotEntered::Problem(problem)),
    }
}
