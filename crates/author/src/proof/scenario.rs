//! A request with all entities that there are: the form in which solver and engine meet.

mod instants;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Response,
};
use cedar_policy_symcc::Env;
use serde_json::{Map, Value as Json, json};

use peppol_authz_engine::schema::Schema;

/// A request and all entities that there are, in Cedar's JSON form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scenario {
    /// `{"type", "id"}`, as the other two.
    pub(super) principal: Json,
    /// The action.
    pub(super) action: Json,
    /// The resource.
    pub(super) resource: Json,
    /// The context.
    pub(super) context: Json,
    /// `[{"uid", "attrs", "parents", "tags"}]`.
    pub(super) entities: Vec<Json>,
}

impl Scenario {
    /// The solver's finding; `None` where it is not whole.
    pub(super) fn of(env: &Env, schema: &Schema) -> Option<Self> {
        let uid = |uid: &EntityUid| {
            let (name, id): (_, &str) = (uid.type_name().to_string(), uid.id().as_ref());
            json!({"type": name, "id": id})
        };
        let context = match env.request.context() {
            Some(context) => context.to_json_value().ok()?,
            None => json!({}),
        };
        let mut entities = match env.entities.to_json_value().ok()? {
            Json::Array(entities) => entities,
            _ => return None,
        };
        // Actions and closed vocabularies are what the schema says.
        entities.retain(|entity| {
            let name = entity.pointer("/uid/type").and_then(Json::as_str);
            let of = name.and_then(|name| schema.entity_type_named(name));
            of.is_some_and(|of| of.choices.is_none())
        });
        let context = instants::plain(context);
        let entities = entities.into_iter().map(instants::plain).collect();
        Some(Self {
            principal: uid(env.request.principal()?),
            action: uid(env.request.action()?),
            resource: uid(env.request.resource()?),
            context,
            entities,
        })
    }

    /// For Cedar; `None` where it does not fit the schema.
    fn to_cedar(&self, schema: &Schema) -> Option<(Request, Entities)> {
        let schema = schema.cedar();
        let uid = |json: &Json| EntityUid::from_json(json.clone()).ok();
        let action = uid(&self.action)?;
        let context = Context::from_json_value(self.context.clone(), Some((schema, &action)));
        let request = Request::new(
            uid(&self.principal)?,
            action,
            uid(&self.resource)?,
            context.ok()?,
            Some(schema),
        );
        let entities = Json::Array(self.entities.clone());
        let entities = Entities::from_json_value(entities, Some(schema)).ok()?;
        Some((request.ok()?, entities))
    }

    /// As a question, and the entities that a store would hold.
    pub(super) fn to_question(&self) -> Json {
        let mut question = Map::new();
        question.insert("principal".to_owned(), self.principal.clone());
        question.insert("action".to_owned(), self.action.clone());
        question.insert("resource".to_owned(), self.resource.clone());
        question.insert("context".to_owned(), self.context.clone());
        Json::Object(question)
    }

    /// Cedar's response by a set of policies; `None` where it does not fit the schema.
    pub(super) fn response(&self, set: &PolicySet, schema: &Schema) -> Option<Response> {
        let (request, entities) = self.to_cedar(schema)?;
        Some(Authorizer::new().is_authorized(&request, set, &entities))
    }

    /// Cedar's decisions by two sets of policies; `None` where it does not fit the schema.
    pub(super) fn decisions(
        &self,
        sets: [&PolicySet; 2],
        schema: &Schema,
    ) -> Option<[Decision; 2]> {
        let (request, entities) = self.to_cedar(schema)?;
        let cedar = Authorizer::new();
        Some(sets.map(|set| cedar.is_authorized(&request, set, &entities).decision()))
    }
}
