//! Requests for plans, as Cerbos's clients write them: protobuf in JSON, where `null` and what is
//! empty are absence.

use std::str::FromStr;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use peppol_authz_engine::schema::{Misfit, check_id};
use peppol_authz_engine::{Malformed, Members, MembersOfContexts, NamedEntity};

/// The one version of the policies.
pub(super) const VERSION: &str = "default";

/// The member of the principal's attributes that is the context of the question.
const CONTEXT: &str = "context";

/// Actions of one request, as Cerbos has it.
const ACTIONS: usize = 20;

/// A request for a plan.
pub(super) struct CerbosRequest<'a> {
    pub(super) id: &'a str,
    pub(super) actions: Vec<&'a str>,
    /// True if it has the older `action`, which its answer then has too.
    pub(super) is_single: bool,
    /// The type of the resources.
    pub(super) kind: &'a str,
    pub(super) context: Option<&'a Members>,
    pub(super) with_meta: bool,
    /// The type and the id of the principal.
    principal: (String, String),
    /// Its attributes, but for the context.
    attributes: Members,
}

impl<'a> CerbosRequest<'a> {
    /// Reads a request. `principals` is the type of bare ids.
    pub(super) fn read(
        json: &'a Json,
        principals: Option<&str>,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Misfit> {
        let members = object(json)?;
        only(
            members,
            &[
                "requestId",
                "action",
                "actions",
                "principal",
                "resource",
                "auxData",
                "includeMeta",
                // For Cerbos's own log.
                "requestContext",
            ],
        )?;
        let single = text(members, "action")?;
        let actions = actions(members, single)?;
        let principal = required(members, "principal")?;
        let resource = required(members, "resource")?;
        let in_principal = |misfit: Misfit| misfit.within("principal");
        let in_resource = |misfit: Misfit| misfit.within("resource");
        only(
            principal,
            &["id", "policyVersion", "roles", "attr", "scope"],
        )
        .and_then(|()| versions(principal))
        .and_then(|()| roles(principal))
        .map_err(in_principal)?;
        only(resource, &["kind", "attr", "policyVersion", "scope"])
            .and_then(|()| versions(resource))
            .map_err(in_resource)?;
        if optional(members, "auxData")?.is_some_and(|data| data.values().any(|it| !it.is_null())) {
            return Err(Misfit::new("tokens are not read").within("auxData"));
        }
        let id = needed(principal, "id").map_err(in_principal)?;
        let in_attributes = |misfit: Misfit| misfit.within("attr");
        let attributes = optional(principal, "attr").map_err(in_principal)?;
        let context = attributes.map(|attributes| optional(attributes, CONTEXT));
        let context = context
            .transpose()
            .map_err(|misfit| in_principal(in_attributes(misfit)))?;
        let mut attributes = attributes.cloned().unwrap_or_default();
        attributes.remove(CONTEXT);
        // The condition tests the attributes of each row, whatever the caller says that they are.
        if let Some(of_rows) = optional(resource, "attr").map_err(in_resource)? {
            misplaced(of_rows, contexts).map_err(|misfit| in_resource(in_attributes(misfit)))?;
        }
        Ok(Self {
            id: text(members, "requestId")?.unwrap_or_default(),
            actions,
            is_single: single.is_some(),
            kind: needed(resource, "kind").map_err(in_resource)?,
            context: context.flatten(),
            with_meta: flag(members, "includeMeta")?,
            principal: named(id, principals).map_err(in_principal)?,
            attributes,
        })
    }

    /// The principal, with what the caller says of it.
    pub(super) fn principal(&self) -> NamedEntity<'_> {
        NamedEntity {
            kind: &self.principal.0,
            id: &self.principal.1,
            properties: (!self.attributes.is_empty()).then_some(&self.attributes),
        }
    }
}

/// The same fault, by the names of the members that were sent.
pub(super) fn renamed(malformed: Malformed) -> Malformed {
    let Malformed { code, mut misfit } = malformed;
    if misfit.member == "context" || misfit.member.starts_with("context.") {
        misfit = misfit.within("attr").within("principal");
    } else if let Some(rest) = misfit.member.strip_prefix("principal.properties") {
        misfit.member = format!("principal.attr{rest}");
    }
    Malformed { code, misfit }
}

/// The entity that an id names: all of it, or only its id where the setting names a type. What could
/// be both is never guessed: a caller that chooses an id could choose its type.
fn named(id: &str, principals: Option<&str>) -> Result<(String, String), Misfit> {
    check_id(id).map_err(|misfit| misfit.within("id"))?;
    if let Some(principals) = principals {
        return Ok((principals.to_owned(), id.to_owned()));
    }
    let entity = EntityUid::from_str(id).map_err(|_| {
        let text = "an entity is wanted as Cedar writes it, Type::\"id\"; bare ids have the type \
                    that the setting `cerbos.principal_type` names";
        Misfit::new(text).within("id")
    })?;
    let id: &str = entity.id().as_ref();
    Ok((entity.type_name().to_string(), id.to_owned()))
}

fn actions<'a>(members: &'a Members, single: Option<&'a str>) -> Result<Vec<&'a str>, Misfit> {
    let several = match members.get("actions") {
        None | Some(Json::Null) => &[],
        Some(Json::Array(several)) => several.as_slice(),
        Some(_) => return Err(Misfit::new("an array is wanted").within("actions")),
    };
    let mut all: Vec<&str> = single.into_iter().collect();
    for action in several {
        match action {
            Json::String(action) if !action.is_empty() && !all.contains(&&**action) => {
                all.push(action);
            }
            _ => return Err(Misfit::new("different actions are wanted").within("actions")),
        }
    }
    match (single.is_some(), several.len()) {
        (true, 0) | (false, 1..=ACTIONS) => {}
        _ => {
            let text = format!("either `action` is wanted, or 1 to {ACTIONS} `actions`");
            return Err(Misfit::new(text).within("actions"));
        }
    }
    for action in &all {
        check_id(action).map_err(|misfit| misfit.within("actions"))?;
    }
    Ok(all)
}

/// There is one version of the policies, and no scope in them.
fn versions(members: &Members) -> Result<(), Misfit> {
    let version = text(members, "policyVersion")?;
    if version.is_some_and(|version| version != VERSION) {
        let text = format!("the policies have one version, `{VERSION}`");
        return Err(Misfit::new(text).within("policyVersion"));
    }
    match text(members, "scope")? {
        None => Ok(()),
        Some(_) => Err(Misfit::new("the policies have no scopes").within("scope")),
    }
}

/// The roles give nothing: the store says what the principal is. Only their form is looked at.
fn roles(members: &Members) -> Result<(), Misfit> {
    match members.get("roles") {
        None | Some(Json::Null) => Ok(()),
        Some(Json::Array(roles)) if roles.iter().all(Json::is_string) => Ok(()),
        Some(_) => Err(Misfit::new("an array of strings is wanted").within("roles")),
    }
}

/// A member of a context that stands elsewhere would not count there, and nobody would notice.
fn misplaced(attributes: &Members, contexts: MembersOfContexts<'_>) -> Result<(), Misfit> {
    for written in attributes.keys() {
        if let Some(name) = contexts.meant_by(written) {
            let text = format!("write `{name}` into `principal.attr.context`, if that is meant");
            return Err(Misfit::new(text).within(written));
        }
    }
    Ok(())
}

fn only(members: &Members, names: &[&str]) -> Result<(), Misfit> {
    match members.keys().find(|name| !names.contains(&&***name)) {
        None => Ok(()),
        Some(surplus) => Err(Misfit::new("there is no such member").within(surplus)),
    }
}

fn object(json: &Json) -> Result<&Members, Misfit> {
    json.as_object()
        .ok_or_else(|| Misfit::new("an object is wanted"))
}

fn optional<'a>(members: &'a Members, member: &str) -> Result<Option<&'a Members>, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => object(json)
            .map(Some)
            .map_err(|misfit| misfit.within(member)),
    }
}

fn required<'a>(members: &'a Members, member: &str) -> Result<&'a Members, Misfit> {
    optional(members, member)?.ok_or_else(|| Misfit::new("is missing").within(member))
}

/// A text; `None` if it is empty.
fn text<'a>(members: &'a Members, member: &str) -> Result<Option<&'a str>, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok((!text.is_empty()).then_some(text)),
        Some(_) => Err(Misfit::new("a string is wanted").within(member)),
    }
}

fn needed<'a>(members: &'a Members, member: &str) -> Result<&'a str, Misfit> {
    text(members, member)?.ok_or_else(|| Misfit::new("is missing").within(member))
}

fn flag(members: &Members, member: &str) -> Result<bool, Misfit> {
    match members.get(member) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Misfit::new("`true` or `false` is wanted").within(member)),
    }
}
