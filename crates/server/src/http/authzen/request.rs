//! Requests for evaluations, as sections 5 to 7 and 10 of the specification describe them.

use serde_json::Value as Json;

use super::members::{Action, action, named, optional, placed, spelled};
use peppol_authz_engine::schema::{Misfit, json_length};
use peppol_authz_engine::{Malformed, Members, MembersOfContexts, NamedEntity, QuestionParts};

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

/// The members of a request.
const MEMBERS: [&str; 6] = [
    "subject",
    "action",
    "resource",
    "context",
    "evaluations",
    "options",
];

/// The members of an evaluation that the top level may give.
const DEFAULTS: [&str; 4] = ["subject", "action", "resource", "context"];

/// How long the items of a request are, in bytes, each with the defaults that it takes.
pub(super) fn length(members: &Members, items: &[Json]) -> usize {
    let defaults = DEFAULTS.map(|name| {
        let default = members.get(name).map_or(0, json_length);
        (name, default)
    });
    let of_item = |item: &Json| {
        let is_taken = |name: &str| item.get(name).is_none_or(Json::is_null);
        let taken = defaults.iter().filter(|(name, _)| is_taken(name));
        json_length(item) + taken.map(|(_, length)| length).sum::<usize>()
    };
    items.iter().map(of_item).sum()
}

/// The type of all obligations of this program, in the draft of the profile for obligations.
pub(super) const OBLIGATION_TYPE: &str = "custom";

/// The member of a context that says which obligations its caller understands.
pub(super) const SUPPORTED: &str = "supported_obligations";

/// The defaults of the top level. One that is not whole is a fault of the evaluations that take it.
pub(super) struct EvaluationDefaults<'a> {
    subject: Result<Option<NamedEntity<'a>>, Misfit>,
    action: Result<Option<Action<'a>>, Misfit>,
    resource: Result<Option<NamedEntity<'a>>, Misfit>,
    context: Result<Option<&'a Members>, Misfit>,
}

impl<'a> EvaluationDefaults<'a> {
    pub(super) fn read(
        members: &'a Members,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Malformed> {
        let check = || -> Result<(), Misfit> {
            placed(members, &MEMBERS, contexts)?;
            DEFAULTS
                .iter()
                .try_for_each(|name| optional(members, name).map(drop))
        };
        check().map_err(Malformed::question)?;
        Ok(Self {
            subject: part(members, "subject", |it| named(it, contexts)),
            action: part(members, "action", |it| action(it, contexts)),
            resource: part(members, "resource", |it| named(it, contexts)),
            context: optional(members, "context"),
        })
    }
}

/// A member of an evaluation that may be left out.
fn part<'a, T>(
    members: &'a Members,
    member: &str,
    read: impl Fn(&'a Members) -> Result<T, Misfit>,
) -> Result<Option<T>, Misfit> {
    let found = optional(members, member)?.map(read).transpose();
    found.map_err(|misfit| misfit.within(member))
}

/// The members of an evaluation. The top level may give those that it omits.
#[derive(Clone, Copy)]
pub(super) struct EvaluationMembers<'a> {
    subject: Option<NamedEntity<'a>>,
    action: Option<Action<'a>>,
    resource: Option<NamedEntity<'a>>,
    context: Option<&'a Members>,
}

impl<'a> EvaluationMembers<'a> {
    pub(super) fn read(
        members: &'a Members,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Malformed> {
        let read = || -> Result<Self, Misfit> {
            placed(members, &MEMBERS, contexts)?;
            Ok(Self {
                subject: part(members, "subject", |it| named(it, contexts))?,
                action: part(members, "action", |it| action(it, contexts))?,
                resource: part(members, "resource", |it| named(it, contexts))?,
                context: optional(members, "context")?,
            })
        };
        read().map_err(Malformed::question)
    }

    /// With the defaults of the top level, each taken whole.
    pub(super) fn or(self, defaults: &EvaluationDefaults<'a>) -> Result<Self, Malformed> {
        let taken = || -> Result<Self, Misfit> {
            Ok(Self {
                subject: self
                    .subject
                    .map_or(defaults.subject.clone(), |it| Ok(Some(it)))?,
                action: self
                    .action
                    .map_or(defaults.action.clone(), |it| Ok(Some(it)))?,
                resource: self
                    .resource
                    .map_or(defaults.resource.clone(), |it| Ok(Some(it)))?,
                context: self
                    .context
                    .map_or(defaults.context.clone(), |it| Ok(Some(it)))?,
            })
        };
        taken().map_err(Malformed::question)
    }

    /// False if the caller says that it understands no obligation of this program, by
    /// `supported_obligations` in the context. Types of obligations that the program does not know
    /// count as absent.
    pub(super) fn binds(&self) -> Result<bool, Malformed> {
        binds(self.context)
    }

    /// The parts of a question, if all are there.
    pub(super) fn parts(self) -> Result<QuestionParts<'a>, Malformed> {
        let missing = |member| Malformed::question(Misfit::new("is missing").within(member));
        let subject = self.subject.ok_or_else(|| missing("subject"))?;
        let (action, action_properties) = self.action.ok_or_else(|| missing("action"))?;
        Ok(QuestionParts {
            subject,
            action,
            action_properties,
            resource: self.resource.ok_or_else(|| missing("resource"))?,
            context: self.context,
        })
    }
}

/// The same of the context of any request.
pub(super) fn binds(context: Option<&Members>) -> Result<bool, Malformed> {
    if let Some(context) = context {
        let spelled = spelled(context, &[SUPPORTED]);
        spelled.map_err(|misfit| Malformed::question(misfit.within("context")))?;
    }
    let supported = context.and_then(|context| context.get(SUPPORTED));
    let kinds = match supported {
        None | Some(Json::Null) => return Ok(true),
        Some(Json::Array(kinds)) if kinds.iter().all(Json::is_string) => kinds,
        Some(_) => {
            let misfit = Misfit::new("an array of strings is wanted").within(SUPPORTED);
            return Err(Malformed::question(misfit.within("context")));
        }
    };
    Ok(kinds.iter().any(|kind| kind == OBLIGATION_TYPE))
}

/// The decision at which the answers to a batch end.
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
        spelled(options, &[NAME])
            .map_err(|misfit| Malformed::question(misfit.within("options")))?;
        // Some clients write it so. The PDP does not guess what they mean.
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

    /// Returns true if the batch ends at this decision.
    pub(super) fn ends_at(self, is_allow: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_allow,
            Self::PermitOnFirstPermit => is_allow,
        }
    }
}
