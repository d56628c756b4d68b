//! A question, checked against the schema before anything is looked up.

use std::sync::Arc;

use cedar_policy::{EntityUid, Request};
use serde_json::{Value as Json, json};

use super::context::QuestionContext;
use super::demand;
use super::described::described_entities;
use super::fields::Fields;
use super::malformed::Malformed;
use crate::policy::Bundle;
use crate::schema::{Misfit, Record, record_to_json};
use crate::slice::{Demand, Described, NamedEntities};
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
    pub context: Arc<Record>,
    /// Entities that the caller describes.
    pub described: Arc<Described>,
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
        let question = QuestionContext::new(context).and_then(|context| {
            Self::fitting(principal, action, resource, context, Arc::default())
        });
        question.map_err(Malformed::question)
    }

    /// A question of parts that fit the schema, as they were read by it.
    ///
    /// # Errors
    /// A question that Cedar does not take.
    pub(crate) fn fitting(
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
        context: QuestionContext,
        described: Arc<Described>,
    ) -> Result<Self, Misfit> {
        // INVARIANT: it fits the schema, as it was read by it. To have Cedar validate
        // the same again would cost a tenth of a decision; a test does.
        let request = Request::new(
            principal.clone(),
            action.clone(),
            resource.clone(),
            context.cedar,
            None,
        )
        .map_err(|error| Misfit::new(error.to_string()))?;
        Ok(Self {
            principal,
            action,
            resource,
            context: context.record,
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use cedar_policy::Context;
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
