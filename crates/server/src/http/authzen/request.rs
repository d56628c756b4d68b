//! Requests, as sections 5 to 7 and 10 of the specification describe them.
//!
//! Members that are not known are ignored, at every level, and `null` is absence. A
//! member of another type than its own is refused by name.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value as Json;

use super::super::Problem;
use super::super::page::Wish;
use peppol_authz_engine::schema::{Misfit, parse_json};
use peppol_authz_engine::{Malformed, Members, Named, Parts, SearchParts, Sought};

/// Whether the one `Content-Type` is `application/json`, with any parameters.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (all.next(), all.next()) else {
        return Err(Problem::NotJson);
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind);
    if kind.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::NotJson)
    }
}

/// The object that a body is.
pub(super) fn object(text: &[u8], depth: usize) -> Result<Members, Malformed> {
    match parse_json(text, depth).map_err(|error| Malformed::json(error.to_string()))? {
        Json::Object(members) => Ok(members),
        _ => Err(Malformed::question(Misfit::new("an object is wanted"))),
    }
}

/// The items of a request for several evaluations; none where there is to be one.
pub(super) fn evaluations(members: &Members) -> Result<&[Json], Malformed> {
    match members.get("evaluations") {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(items)) => Ok(items),
        Some(_) => {
            let misfit = Misfit::new("an array is wanted").within("evaluations");
            Err(Malformed::question(misfit))
        }
    }
}

/// The members of one of these items.
pub(super) fn item(json: &Json) -> Result<&Members, Malformed> {
    json.as_object()
        .ok_or_else(|| Malformed::question(Misfit::new("an object is wanted")))
}

/// An action's name and properties.
type Action<'a> = (&'a str, Option<&'a Members>);

/// What an evaluation says; what it omits may be said at the top level.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    subject: Option<Named<'a>>,
    action: Option<Action<'a>>,
    resource: Option<Named<'a>>,
    context: Option<&'a Members>,
}

impl<'a> Item<'a> {
    pub(super) fn read(members: &'a Members) -> Result<Self, Malformed> {
        let read = || -> Result<Self, Misfit> {
            let subject = optional(members, "subject")?.map(named).transpose();
            let action = optional(members, "action")?.map(action).transpose();
            let resource = optional(members, "resource")?.map(named).transpose();
            Ok(Self {
                subject: subject.map_err(|misfit| misfit.within("subject"))?,
                action: action.map_err(|misfit| misfit.within("action"))?,
                resource: resource.map_err(|misfit| misfit.within("resource"))?,
                context: optional(members, "context")?,
            })
        };
        read().map_err(Malformed::question)
    }

    /// With the defaults of the top level, each taken whole.
    pub(super) fn or(self, defaults: &Self) -> Self {
        Self {
            subject: self.subject.or(defaults.subject),
            action: self.action.or(defaults.action),
            resource: self.resource.or(defaults.resource),
            context: self.context.or(defaults.context),
        }
    }

    /// The parts of a question, if all are there.
    pub(super) fn parts(self) -> Result<Parts<'a>, Malformed> {
        let missing = |member| Malformed::question(Misfit::new("is missing").within(member));
        let subject = self.subject.ok_or_else(|| missing("subject"))?;
        let (action, action_properties) = self.action.ok_or_else(|| missing("action"))?;
        Ok(Parts {
            subject,
            action,
            action_properties,
            resource: self.resource.ok_or_else(|| missing("resource"))?,
            context: self.context,
        })
    }
}

/// When the rest of the evaluations is left out of the answer.
#[derive(Clone, Copy)]
pub(super) enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    pub(super) fn read(members: &Members) -> Result<Self, Malformed> {
        const NAME: &str = "evaluations_semantic";
        let Some(options) = optional(members, "options").map_err(Malformed::question)? else {
            return Ok(Self::ExecuteAll);
        };
        // Some clients write it so. To guess what they mean is not for the PDP.
        if options.contains_key("evaluation_semantics") {
            tracing::debug!("`options.evaluation_semantics` is no option and was ignored");
        }
        match options.get(NAME) {
            None | Some(Json::Null) => Ok(Self::ExecuteAll),
            Some(Json::String(name)) if name == "execute_all" => Ok(Self::ExecuteAll),
            Some(Json::String(name)) if name == "deny_on_first_deny" => Ok(Self::DenyOnFirstDeny),
            Some(Json::String(name)) if name == "permit_on_first_permit" => {
                Ok(Self::PermitOnFirstPermit)
            }
            Some(_) => {
                let text =
                    "`execute_all`, `deny_on_first_deny` or `permit_on_first_permit` is wanted";
                let misfit = Misfit::new(text).within(NAME).within("options");
                Err(Malformed::question(misfit))
            }
        }
    }

    /// Whether nothing follows a decision.
    pub(super) fn ends_at(self, is_allow: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_allow,
            Self::PermitOnFirstPermit => is_allow,
        }
    }
}

/// A subject or a resource.
fn named(members: &Members) -> Result<Named<'_>, Misfit> {
    Ok(Named {
        kind: text(members, "type")?,
        id: text(members, "id")?,
        properties: optional(members, "properties")?,
    })
}

fn action(members: &Members) -> Result<Action<'_>, Misfit> {
    Ok((text(members, "name")?, optional(members, "properties")?))
}

fn text<'a>(members: &'a Members, member: &str) -> Result<&'a str, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Err(Misfit::new("is missing").within(member)),
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(Misfit::new("a string is wanted").within(member)),
    }
}

fn optional<'a>(members: &'a Members, member: &str) -> Result<Option<&'a Members>, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Misfit::new("an object is wanted").within(member)),
    }
}

/// A request for a search.
pub(super) struct SearchRequest<'a> {
    pub(super) wanted: Searched<'a>,
    /// The type of what is looked for, as the caller names it.
    pub(super) kind: &'a str,
    pub(super) context: Option<&'a Members>,
    pub(super) page: Wish<'a>,
}

/// What is looked for.
pub(super) enum Searched<'a> {
    Entities(SearchParts<'a>),
    Actions {
        subject: Named<'a>,
        resource: Named<'a>,
    },
}

impl<'a> SearchRequest<'a> {
    /// Of what is looked for only the type counts.
    pub(super) fn for_entities(members: &'a Members, sought: Sought) -> Result<Self, Malformed> {
        let (of, other) = match sought {
            Sought::Principals => ("subject", "resource"),
            Sought::Resources => ("resource", "subject"),
        };
        let read = || -> Result<Self, Misfit> {
            let of = required(members, of, |members| text(members, "type"))?;
            let known = (other, required(members, other, named)?);
            let (action, action_properties) = required(members, "action", action)?;
            let context = optional(members, "context")?;
            let parts = SearchParts {
                sought,
                of,
                known,
                action,
                action_properties,
                context,
            };
            Self::new(members, Searched::Entities(parts), of)
        };
        read().map_err(Malformed::question)
    }

    pub(super) fn for_actions(members: &'a Members) -> Result<Self, Malformed> {
        let read = || -> Result<Self, Misfit> {
            let wanted = Searched::Actions {
                subject: required(members, "subject", named)?,
                resource: required(members, "resource", named)?,
            };
            Self::new(members, wanted, "")
        };
        read().map_err(Malformed::question)
    }

    fn new(members: &'a Members, wanted: Searched<'a>, kind: &'a str) -> Result<Self, Misfit> {
        let page = optional(members, "page")?;
        let page = page.map(Wish::read).transpose();
        let page = page.map_err(|misfit| misfit.within("page"))?;
        Ok(Self {
            wanted,
            kind,
            context: optional(members, "context")?,
            page: page.unwrap_or_default(),
        })
    }
}

/// A member that has to be there, read as an object.
fn required<'a, T>(
    members: &'a Members,
    member: &str,
    read: impl Fn(&'a Members) -> Result<T, Misfit>,
) -> Result<T, Misfit> {
    let found = optional(members, member)?;
    let found = found.ok_or_else(|| Misfit::new("is missing").within(member))?;
    read(found).map_err(|misfit| misfit.within(member))
}
