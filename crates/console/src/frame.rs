//! The frame of all pages: navigation, who asks, languages.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::assets::TARGETS;
use crate::entity::seen;
use crate::entry::{FORM_MARK, SIGN_IN};
use crate::language::{Language, Texts};
use crate::query::Parameters;

/// The frame around the contents of a page.
pub(crate) struct Frame {
    pub(crate) language: Language,
    pub(crate) at: Uri,
    /// The caller, if it is known.
    pub(crate) caller: Option<String>,
    /// The mark of forms, where somebody is signed in.
    pub(crate) form_mark: Option<String>,
    /// True if the caller may see what operators see.
    pub(crate) administers: bool,
    /// True if somebody was let in.
    pub(crate) is_in: bool,
}

impl Frame {
    fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// A page with a title and these contents.
    pub(crate) fn page(&self, title: &str, contents: &Markup) -> Response {
        self.page_with(StatusCode::OK, title, contents)
    }

    pub(crate) fn page_with(&self, status: StatusCode, title: &str, contents: &Markup) -> Response {
        let texts = self.texts();
        let [style, script] = &*TARGETS;
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (texts.console) }
                    link rel="stylesheet" href=(style);
                    link rel="icon" type="image/svg+xml" href="/console/icon.svg";
                    script src=(script) defer {}
                }
                body {
                    a.skip href="#content" { (texts.skip) }
                    (self.header())
                    main id="content" tabindex="-1" { (contents) }
                }
            }
        };
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        (status, [(CONTENT_TYPE, kind)], page.into_string()).into_response()
    }

    fn header(&self) -> Markup {
        let texts = self.texts();
        let places = [
            ("/console/ask", texts.ask, self.is_in),
            ("/console/rights", texts.rights, self.is_in),
            (
                "/console/review",
                texts.review,
                self.is_in && self.administers,
            ),
            (
                "/console/policies",
                texts.policies,
                self.is_in && self.administers,
            ),
            (
                "/console/decisions",
                texts.decisions,
                self.is_in && self.administers,
            ),
            (
                "/console/state",
                texts.state,
                self.is_in && self.administers,
            ),
        ];
        let here = self.at.path();
        let query = Parameters::read(self.at.query().unwrap_or_default()).without("lang");
        html! {
            header.top {
                a.brand href="/console" {
                    span.mark aria-hidden="true" { "◆" }
                    " peppol-authz"
                }
                nav aria-label=(texts.console) {
                    @for (path, name, _) in places.iter().filter(|(_, _, is_shown)| *is_shown) {
                        a href=(path) aria-current=[here.starts_with(path).then_some("page")] { (name) }
                    }
                }
                div.who {
                    span.languages {
                        @for language in Language::ALL {
                            @if language == self.language {
                                span aria-current="true" lang=(language.tag()) title=(language.name()) { (language.tag()) }
                            } @else {
                                a href=(query.with("lang", language.tag()).behind(here)) lang=(language.tag())
                                    hreflang=(language.tag()) title=(language.name()) { (language.tag()) span.unseen { " – " (language.name()) } }
                            }
                        }
                    }
                    @match &self.caller {
                        Some(id) => span.caller title=(texts.signed_in_as) { bdi { (seen(id)) } },
                        None => span.caller.unknown { (texts.not_signed_in) },
                    }
                    @if let Some(mark) = &self.form_mark {
                        form method="post" action="/console/sign-out" {
                            input type="hidden" name=(FORM_MARK) value=(mark);
                            button.quiet type="submit" { (texts.sign_out) }
                        }
                    } @else if self.is_in {
                        a.quiet href=(SIGN_IN) { (texts.sign_in) }
                    }
                }
            }
        }
    }
}

/// The frame for somebody who was not let in.
pub(crate) fn frame_of_nobody(language: Language, at: &Uri) -> Frame {
    Frame {
        language,
        at: at.clone(),
        caller: None,
        form_mark: None,
        administers: false,
        is_in: false,
    }
}
