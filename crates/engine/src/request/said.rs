//! The contents of a request: parameters, headers, claims and the body.
//!
//! Each place is read in one way or refused. A service that reads the same bytes in
//! another way would do something else than what was asked about: so a parameter that
//! occurs twice is refused, and so is a member whose name could be meant for another one,
//! as many services ignore case and separators.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::body::{ReadBody, inside, unlike};
use super::claimed::claimed;
use super::{Body, Headers, HttpRequest, RequestLimits, Routed};
use crate::decide::Reason;
use crate::policy::routes::{Source, Template, TemplatePart};
use crate::schema::{Misfit, check_characters, parse_json};

/// A request, with its body parsed where the route reads it.
pub(super) struct RequestContents<'a, 'h> {
    routed: &'a Routed<'a>,
    request: &'a HttpRequest<'h>,
    body: Option<ReadBody>,
    pub(super) questions: usize,
}

impl<'a, 'h> RequestContents<'a, 'h> {
    pub(super) fn read(
        routed: &'a Routed<'a>,
        request: &'a HttpRequest<'h>,
        limits: &RequestLimits,
    ) -> Result<Self, Reason> {
        let body = match request.body {
            _ if !routed.route.reads_body => None,
            Body::NotSent => return Err(Reason::no_body("the gateway has sent no body")),
            Body::Partial => {
                return Err(Reason::no_body("the gateway has sent a part of the body"));
            }
            Body::Text(text) => {
                is_json(request.headers).map_err(|misfit| Reason::malformed(&misfit))?;
                let read = parse_json(text, limits.json_depth).map_err(|error| {
                    Misfit::new(format!("no JSON as wanted: {error}")).within("body")
                });
                let read = read.map_err(|misfit| Reason::malformed(&misfit))?;
                let asks = &routed.route.asks;
                Some(ReadBody::new(read, asks, limits.questions_bytes))
            }
        };
        Ok(Self {
            routed,
            request,
            body,
            questions: limits.questions,
        })
    }

    /// Begins to make questions, perhaps anew.
    pub(super) fn begin(&self) {
        if let Some(body) = &self.body {
            body.begin();
        }
    }

    /// The value in a place of the request; `None` where there is none or `null`.
    pub(super) fn get<'s>(
        &'s self,
        source: &Source,
        element: Option<&'s Json>,
    ) -> Result<Option<Cow<'s, Json>>, Misfit> {
        Ok(self.raw(source, element)?.filter(|said| !said.is_null()))
    }

    /// The same, where `null` is a value.
    pub(super) fn raw<'s>(
        &'s self,
        source: &Source,
        element: Option<&'s Json>,
    ) -> Result<Option<Cow<'s, Json>>, Misfit> {
        let text = |text: Cow<'_, str>| Cow::Owned(Json::String(text.into_owned()));
        let said = match source {
            Source::Path(name) => self.routed.captures.get(name).map(|said| text(said.into())),
            Source::Query(name) => self.routed.target.query(name).map(|said| said.map(text))?,
            Source::Header(name) => self.header(name)?.map(|said| text(said.into())),
            Source::Claim(way) => match self.request.claims {
                Some(claims) => claimed(claims, way)?,
                None => None,
            },
            Source::Body(path) => match &self.body {
                Some(body) => return body.get(path, element.is_some()),
                None => None,
            },
            Source::Each(path) => match element {
                Some(element) => inside(element, path, true)?,
                None => None,
            },
        };
        if let (Some(said), Source::Each(_)) = (&said, source) {
            unlike(said)?;
        }
        Ok(said)
    }

    fn header(&self, name: &str) -> Result<Option<&str>, Misfit> {
        match (self.request.headers)(name).as_slice() {
            [] => Ok(None),
            [one] => std::str::from_utf8(one)
                // Those of HTTP alone: any other blank is a part of the value.
                .map(|text| Some(text.trim_matches([' ', '\t'])))
                .map_err(|_| Misfit::new("is no text")),
            _ => Err(Misfit::new("occurs more than once")),
        }
    }

    /// Fills a template. The misfit names the place in the request.
    pub(super) fn fill<'s>(
        &'s self,
        template: &Template,
        element: Option<&'s Json>,
    ) -> Result<Option<Cow<'s, Json>>, Misfit> {
        if let [TemplatePart::From(source)] = template.parts.as_slice() {
            return self
                .get(source, element)
                .map_err(|misfit| misfit.within(&source.to_string()));
        }
        let mut whole = String::new();
        for part in &template.parts {
            match part {
                TemplatePart::Text(text) => whole.push_str(text),
                TemplatePart::From(source) => {
                    let named = |misfit: Misfit| misfit.within(&source.to_string());
                    match self.get(source, element).map_err(named)?.as_deref() {
                        Some(Json::String(text)) => whole.push_str(text),
                        Some(Json::Number(number)) if !number.is_f64() => {
                            whole.push_str(&number.to_string());
                        }
                        Some(_) => return Err(named(Misfit::new("a text is wanted"))),
                        None => return Ok(None),
                    }
                }
            }
        }
        Ok(Some(Cow::Owned(Json::String(whole))))
    }

    /// The same where it has to be a text: what an entity is called.
    pub(super) fn name<'s>(
        &'s self,
        template: &Template,
        element: Option<&'s Json>,
    ) -> Result<Option<Cow<'s, str>>, Misfit> {
        let name: Cow<'_, str> = match self.fill(template, element)? {
            None => return Ok(None),
            Some(Cow::Borrowed(Json::String(text))) => Cow::Borrowed(text),
            Some(Cow::Owned(Json::String(text))) => Cow::Owned(text),
            Some(_) => return Err(Misfit::new("a text is wanted").within(&template.to_string())),
        };
        if name.len() > MAX_NAME {
            let misfit = Misfit::new("is longer than 1024 bytes");
            return Err(misfit.within(&template.to_string()));
        }
        // Also where the entity is found by an attribute, which may be any text.
        check_characters(&name).map_err(|misfit| misfit.within(&template.to_string()))?;
        Ok(Some(name))
    }
}

/// The longest name of an entity, in bytes.
const MAX_NAME: usize = 1024;

/// Makes sure that the service reads the body as JSON: one that takes forms or YAML too would find
/// something else in the same bytes.
fn is_json(headers: Headers<'_>) -> Result<(), Misfit> {
    let wrong = |name: &str, problem: &str| Err(Misfit::new(problem).within(name).within("header"));
    let kind = headers("content-type");
    let [kind] = kind.as_slice() else {
        return wrong("content-type", "`application/json` is wanted, once");
    };
    let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let of_json = essence
        .strip_prefix("application/")
        .is_some_and(|kind| kind == "json" || kind.ends_with("+json"));
    // A comma: there may have been two.
    if !of_json || kind.contains(',') {
        return wrong("content-type", "`application/json` is wanted, once");
    }
    let is_charset = |part: &str| part.starts_with("charset");
    let is_utf8 = |part: &str| matches!(part, "charset=utf-8" | "charset=\"utf-8\"");
    if parts.any(|part| is_charset(part) && !is_utf8(part)) {
        return wrong("content-type", "no other charset than UTF-8 is wanted");
    }
    if headers("content-encoding")
        .iter()
        .any(|value| !value.eq_ignore_ascii_case(b"identity"))
    {
        return wrong("content-encoding", "a body that is encoded is not read");
    }
    Ok(())
}
