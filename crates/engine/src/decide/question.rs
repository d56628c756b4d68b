//! A question, checked against the schema before anything is looked up.

use std::collections::HashMap;

use cedar_policy::{Context, EntityUid, Request};
use serde_json::{Value as Json, json};

use super::demand;
use super::fields::Fields;
use crate::policy::Bundle;
use crate::schema::{Misfit, Record, Row, Value, record_to_json};
use crate::slice::{Demand, NamedEntities};
use crate::store::Store;

const CODE: &str = "MALFORMED_QUESTION";

/// May this principal do this action on this resource?
#[derive(Clone, Debug)]
pub struct Question {
    /// The principal.
    pub principal: EntityUid,
    /// The action.
    pub action: EntityUid,
    /// The resource.
    pub resource: EntityUid,
    /// The context.
    pub context: Record,
    /// Entities that the caller describes.
    pub described: Vec<Row>,
    /// The same for Cedar.
    pub(crate) request: Request,
}

/// How a question is to be answered.
#[derive(Clone, Debug, Default)]
pub struct QuestionOptions {
    /// How new the state has to be that it is answered from.
    pub demand: Demand,
    /// True if the decision is to be explained.
    pub explain: bool,
}

/// A question that cannot be read. It names the member that is at fault, and nothing of its
/// contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{misfit}")]
pub struct Malformed {
    /// Names the kind of fault, for programs. Never changes its meaning.
    pub code: &'static str,
    /// The member, and what is wrong with it.
    pub misfit: Misfit,
}

impl Malformed {
    /// The same, one level further out.
    #[must_use]
    pub fn within(mut self, member: &str) -> Self {
        self.misfit = self.misfit.within(member);
        self
    }

    pub(crate) fn new(code: &'static str, member: &str, misfit: Misfit) -> Self {
        Self {
            code,
            misfit: misfit.within(member),
        }
    }

    /// A member that does not fit.
    #[must_use]
    pub fn question(misfit: Misfit) -> Self {
        Self { code: CODE, misfit }
    }

    /// A fault of the text as a whole.
    pub fn json(problem: impl Into<String>) -> Self {
        Self {
            code: "MALFORMED_JSON",
            misfit: Misfit::new(problem),
        }
    }
}

impl Question {
    /// Makes a question of values, by the same rules as [`Question::read`]: the action is one of
    /// the schema and takes these types, ids are in the vocabulary of an `enum` type and get their
    /// canonical spelling, and the context is exactly that of the action.
    ///
    /// # Errors
    /// The first part that does not fit the schema.
    pub fn new(
        bundle: &Bundle,
        principal: &EntityUid,
        action: &EntityUid,
        resource: &EntityUid,
        context: &Record,
    ) -> Result<Self, Malformed> {
        let entity = |uid: &EntityUid| {
            let id: &str = uid.id().as_ref();
            json!({"type": uid.type_name().to_string(), "id": id})
        };
        let json = json!({
            "principal": entity(principal),
            "action": entity(action),
            "resource": entity(resource),
            "context": record_to_json(context),
        });
        let fields = Fields::of(&json, &bundle.schema, CODE, |_, _| false)?;
        Self::of_fields(&fields)
    }

    /// Reads a question in its native form, and how it is to be answered. `most_entities` is how
    /// many entities a caller may describe.
    ///
    /// # Errors
    /// The first member that does not fit the schema.
    pub fn read(
        json: &Json,
        bundle: &Bundle,
        store: &dyn Store,
        most_entities: usize,
    ) -> Result<(Self, QuestionOptions), Malformed> {
        // cedar-agent's own type of a question writes `"policies": null`.
        let ignored =
            |name: &str, json: &Json| name == "explain" || (name == "policies" && json.is_null());
        let fields = Fields::of(json, &bundle.schema, CODE, ignored)?;
        let members = fields.members;
        let question = Self::of_fields(&fields)?;
        let described = described_entities(members, bundle, store, most_entities)?;
        let demand = demand::read(members, store)?;
        let explain = match members.get("explain") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(explain)) => *explain,
            Some(_) => {
                let misfit = Misfit::new("true or false is wanted");
                return Err(fields.malformed("explain", misfit));
            }
        };
        let question = Self {
            described,
            ..question
        };
        Ok((question, QuestionOptions { demand, explain }))
    }

    fn of_fields(fields: &Fields<'_>) -> Result<Self, Malformed> {
        let principal = fields.entity("principal")?;
        let action = fields.action()?;
        let resource = fields.entity("resource")?;
        fields.takes(action, principal.type_name(), resource.type_name())?;
        let context = fields.context(action)?;
        let action = action.uid.clone();
        let question = Self::fitting(principal, action, resource, context, Vec::new());
        question.map_err(Malformed::question)
    }

    /// A question of parts that fit the schema, as they were read by it.
    ///
    /// # Errors
    /// A context that Cedar does not take.
    pub(crate) fn fitting(
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
        context: Record,
        described: Vec<Row>,
    ) -> Result<Self, Misfit> {
        let unfit = |error: &dyn std::error::Error| Misfit::new(error.to_string());
        let cedar_context = if context.is_empty() {
            Context::empty()
        } else {
            let pairs = context
                .iter()
                .map(|(name, value): (_, &Value)| (name.to_string(), value.to_expression()));
            Context::from_pairs(pairs).map_err(|error| unfit(&error))?
        };
        // INVARIANT: it fits the schema, as it was read by it. To have Cedar validate
        // the same again would cost a tenth of a decision; a test does.
        let request = Request::new(
            principal.clone(),
            action.clone(),
            resource.clone(),
            cedar_context,
            None,
        )
        .map_err(|error| unfit(&error))?;
        Ok(Self {
            principal,
            action,
            resource,
            context,
            described,
            request,
        })
    }

    /// The entities that it names.
    pub(crate) fn named(&self) -> NamedEntities<'_> {
        NamedEntities {
            principal: Some(&self.principal),
            resource: Some(&self.resource),
            context: &self.context,
        }
    }
}

impl AsRef<Self> for Question {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsRef<Question> for (Question, QuestionOptions) {
    fn as_ref(&self) -> &Question {
        &self.0
    }
}

/// The entities that a caller describes, in either member: one set, however it
/// is spread over the two.
pub(crate) fn described_entities(
    members: &serde_json::Map<String, Json>,
    bundle: &Bundle,
    store: &dyn Store,
    most: usize,
) -> Result<Vec<Row>, Malformed> {
    let mut all = Vec::new();
    // Where each was written, to name it.
    let mut places = Vec::new();
    for member in ["entities", "additional_entities"] {
        match members.get(member) {
            None | Some(Json::Null) => {}
            Some(Json::Array(entities)) => {
                places.extend((0..entities.len()).map(|i| format!("{member}.{i}")));
                all.extend(entities.iter().cloned());
            }
            Some(_) => {
                let misfit = Misfit::new("an array of entities is wanted");
                return Err(Malformed::new(CODE, member, misfit));
            }
        }
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    if all.len() > most {
        let misfit = Misfit::new(format!("more than {most} entities"));
        return Err(Malformed::new(CODE, "entities", misfit));
    }
    let malformed = |mut misfit: Misfit| {
        let (place, inner) = misfit
            .member
            .split_once('.')
            .unwrap_or((&misfit.member, ""));
        let place = place
            .parse()
            .ok()
            .and_then(|place: usize| places.get(place));
        if let Some(place) = place {
            misfit.member = inner.to_owned();
            Malformed::new(CODE, place, misfit)
        } else {
            Malformed::new(CODE, "entities", misfit)
        }
    };
    let all = Json::Array(all);
    let mut rows = bundle.schema.entities(&all).map_err(malformed)?;
    for (json, place) in all.as_array().into_iter().flatten().zip(&places) {
        let uid = json
            .get("uid")
            .and_then(|uid| bundle.schema.entity(uid).ok());
        if uid.is_some_and(|uid| store.serves(uid.type_name())) {
            let misfit = Misfit::new("the tenancy store alone says what an entity of this type is");
            return Err(Malformed::new("ENTITY_OF_SERVED_TYPE", place, misfit));
        }
    }
    let parents: HashMap<_, _> = rows
        .iter()
        .map(|row| (row.uid.clone(), row.ancestors.clone()))
        .collect();
    let of = |uid: &EntityUid| parents.get(uid).cloned().unwrap_or_default();
    for row in &mut rows {
        row.ancestors =
            crate::schema::transitive_ancestors(&row.ancestors, &row.uid, of).map_err(malformed)?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::policy::{Sources, load};
    use crate::store::EntitiesFile;

    const SCHEMA: &str = r#"
        namespace N {
            entity Colour enum ["RED", "GREEN"];
            entity User;
            entity Robot;
            entity Doc;
            type Note = { by: User, at?: datetime };
            action read appliesTo {
                principal: [User, Robot],
                resource: Doc,
                context: {
                    n: Long, s?: String, b?: Bool, c?: Colour, u?: User, set?: Set<User>,
                    note?: Note, ip?: ipaddr, d?: decimal,
                },
            };
            action paint appliesTo { principal: User, resource: [Doc, Colour] };
        }
    "#;

    static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
        let mut sources = Sources::shipped();
        let file = |text: &str| {
            std::sync::Arc::new(crate::policy::SourceFile {
                name: "test".to_owned(),
                path: None,
                text: text.to_owned(),
            })
        };
        sources.schema = file(SCHEMA);
        sources.policies = vec![file("@id(\"p/all\") permit (principal, action, resource);")];
        sources.rules = None;
        sources.routes = None;
        load(&sources).unwrap()
    });

    fn value() -> impl Strategy<Value = Json> {
        let user = json!({"type": "N::User", "id": "u"});
        let leaf = prop::sample::select(vec![
            json!(1),
            json!(-5),
            json!(1.5),
            json!("x"),
            json!("RED"),
            json!("BLUE"),
            json!(true),
            json!(null),
            json!([]),
            json!({}),
            user.clone(),
            json!({"__entity": user}),
            json!({"type": "N::Robot", "id": "r"}),
            json!({"type": "N::Colour", "id": "RED"}),
            json!({"type": "N::Colour", "id": "BLUE"}),
            json!("2024-01-01"),
            json!("10.0.0.1"),
            json!("1.25"),
            json!({"__extn": {"fn": "ip", "arg": "::1"}}),
            json!({"__extn": {"fn": "decimal", "arg": "1.0"}}),
            json!("u"),
        ]);
        prop_oneof![
            4 => leaf.clone(),
            1 => prop::collection::vec(leaf.clone(), 0..3).prop_map(Json::from),
            1 => prop::collection::btree_map("by|at|x", leaf, 0..3)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    }

    fn entity() -> impl Strategy<Value = Json> {
        let types = prop::sample::select(vec![
            "N::User",
            "N::Robot",
            "N::Doc",
            "N::Colour",
            "N::Nobody",
            "N::Action",
        ]);
        let ids = prop::sample::select(vec!["u", "RED", "BLUE", "", "read"]);
        (types, ids).prop_map(|(name, id)| json!({"type": name, "id": id}))
    }

    /// Cedar's own validation accepts every question that is read. It is not run again.
    #[test]
    fn what_is_read_fits_the_schema_by_cedars_own_judgement() {
        let store = EntitiesFile::parse(b"[]").unwrap();
        let (read, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let mut runner = prop::test_runner::TestRunner::new(ProptestConfig {
            cases: 4000,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let names = "n|s|b|c|u|set|note|ip|d|x";
        let question = (
            prop_oneof![3 => Just(json!({"type": "N::User", "id": "u"})), 1 => entity()],
            prop_oneof![3 => Just("read"), 1 => Just("paint"), 1 => Just("sleep")],
            prop_oneof![3 => Just(json!({"type": "N::Doc", "id": "d"})), 1 => entity()],
            prop::collection::btree_map(names, value(), 0..4),
        );
        runner
            .run(&question, |(principal, action, resource, mut context)| {
                if action == "read" {
                    context.entry("n".to_owned()).or_insert(json!(1));
                }
                let context = Json::Object(context.into_iter().collect());
                let action = json!({"type": "N::Action", "id": action});
                let json = json!({"principal": principal, "action": action, "resource": resource, "context": context});
                let Ok((question, _)) = Question::read(&json, &BUNDLE, &store, 0) else {
                    refused.set(refused.get() + 1);
                    return Ok(());
                };
                read.set(read.get() + 1);
                let pairs = question.context.iter().map(|(name, value)| (name.to_string(), value.to_expression()));
                let validated = Request::new(
                    question.principal.clone(),
                    question.action.clone(),
                    question.resource.clone(),
                    Context::from_pairs(pairs).unwrap(),
                    Some(BUNDLE.schema.cedar()),
                );
                prop_assert!(validated.is_ok(), "{json}: {}", validated.unwrap_err());
                Ok(())
            })
            .unwrap();
        let (read, refused) = (read.get(), refused.get());
        assert!(read > 200 && refused > 200, "{read} {refused}");
    }
}
