//! All that Cedar takes is taken here, and is decided as Cedar decides it: over values and entities in
//! every form that Cedar's JSON has, as its own reader reads them.

mod dangling;
mod literals;
mod named;
mod parents;
mod people;
mod random;
mod stored;
mod values;
mod warnings;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, EntityUid, PolicyId, PolicySet,
    Request, Schema, SlotId,
};
use peppol_authz_engine::Verdict;
use peppol_authz_engine::policy::{Bundle, Warnings, load};
use peppol_authz_engine::store::{EntitiesFile, Store as _};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::deciding::{Deciding, linked_sources};

/// One set, for Cedar and for the engine.
struct BothSides {
    schema: Schema,
    policies: PolicySet,
    bundle: Arc<Bundle>,
}

/// A decision, with the policies that it rests on, and true if some policy failed.
#[derive(Debug, PartialEq)]
struct Answer {
    allowed: bool,
    determining: BTreeSet<String>,
    failed: bool,
}

/// A link of a template, with entities as Cedar writes them.
#[derive(Clone, Debug, Deserialize)]
struct WrittenLink {
    id: String,
    template: String,
    principal: Option<String>,
    resource: Option<String>,
}

impl WrittenLink {
    /// As Cedar takes it.
    fn add_to(&self, set: &mut PolicySet) {
        let uid = |text: &String| text.parse::<EntityUid>().unwrap();
        let principal = self.principal.iter();
        let principal = principal.map(|text| (SlotId::principal(), uid(text)));
        let resource = self.resource.iter();
        let resource = resource.map(|text| (SlotId::resource(), uid(text)));
        let values = principal.chain(resource).collect();
        let [template, id] = [&self.template, &self.id].map(PolicyId::new);
        set.link(template, id, values).unwrap();
    }

    /// As the file of links has it.
    fn toml(&self) -> String {
        let slots = [("principal", &self.principal), ("resource", &self.resource)];
        let slots = slots
            .into_iter()
            .filter_map(|(name, uid)| Some(format!("{name} = '{}'\n", uid.as_ref()?)));
        let slots: String = slots.collect();
        format!(
            "[[link]]\nid = \"{}\"\ntemplate = \"{}\"\n{slots}\n",
            self.id, self.template
        )
    }
}

/// Policies and templates under their `@id`, or their place in the file.
fn named(policies: &str) -> PolicySet {
    let parsed: PolicySet = policies.parse().unwrap();
    let called = |id: &PolicyId, own: Option<&str>| match own {
        Some(own) => PolicyId::new(own),
        None => PolicyId::new(format!("p/{id}")),
    };
    let policies = parsed
        .policies()
        .map(|policy| policy.new_id(called(policy.id(), policy.annotation("id"))));
    let mut named = PolicySet::from_policies(policies).unwrap();
    for template in parsed.templates() {
        let id = called(template.id(), template.annotation("id"));
        named.add_template(template.new_id(id)).unwrap();
    }
    named
}

impl BothSides {
    fn new(schema: &str, policies: &str) -> Self {
        Self::with_links(schema, policies, &[])
    }

    fn with_links(schema: &str, text: &str, links: &[WrittenLink]) -> Self {
        let mut policies = named(text);
        for link in links {
            link.add_to(&mut policies);
        }
        let toml: String = links.iter().map(WrittenLink::toml).collect();
        let toml = match links {
            [] => "link = []",
            _ => &toml,
        };
        let sources = linked_sources(schema, text, Some(toml)).with_warnings(Warnings::LOG);
        let bundle = load(&sources);
        let bundle = bundle.unwrap_or_else(|faults| panic!("{faults:#?}\n{text}\n{toml}"));
        Self {
            schema: Schema::from_cedarschema_str(schema).unwrap().0,
            policies,
            bundle: Arc::new(bundle),
        }
    }

    /// Entities as Cedar reads them; `None` where it refuses them.
    fn read(&self, entities: &Value) -> Option<Entities> {
        Entities::from_json_value(entities.clone(), Some(&self.schema)).ok()
    }

    /// Cedar's answer; `None` where it refuses the question.
    fn cedar(&self, entities: &Entities, question: &Value) -> Option<Answer> {
        let uid = |member: &str| EntityUid::from_json(question[member].clone()).unwrap();
        let action = uid("action");
        let context = question.get("context").cloned().unwrap_or(json!({}));
        let schema = Some((&self.schema, &action));
        let context = Context::from_json_value(context, schema).ok()?;
        let schema = Some(&self.schema);
        let request = Request::new(uid("principal"), action, uid("resource"), context, schema);
        let response = Authorizer::new().is_authorized(&request.ok()?, &self.policies, entities);
        let reason = response.diagnostics().reason();
        Some(Answer {
            allowed: response.decision() == CedarDecision::Allow,
            determining: reason
                .map(|id| AsRef::<str>::as_ref(id).to_owned())
                .collect(),
            failed: response.diagnostics().errors().next().is_some(),
        })
    }

    /// The engine over a file of these; `None` where it refuses them.
    fn engine(&self, entities: &Value) -> Option<Deciding> {
        let store = EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
        store.check(&self.bundle.schema).ok()?;
        Some(Deciding::over(store, Arc::clone(&self.bundle)))
    }

    /// Holds the engine's answer against Cedar's. Where a policy fails, it is a denial (GEN-2).
    fn assert_agree(&self, engine: &Deciding, entities: &Entities, question: &Value) -> Answer {
        let cedar = self.cedar(entities, question).unwrap();
        let decision = engine.decide(question);
        let determining = decision.determining.iter().map(ToString::to_string);
        let found = Answer {
            allowed: decision.verdict == Verdict::Allow,
            determining: determining.collect(),
            failed: !decision.errors.is_empty(),
        };
        if cedar.failed {
            assert!(found.failed && !found.allowed, "{question}: {cedar:?}");
        } else {
            assert_eq!(found, cedar, "{question}");
        }
        found
    }
}

fn uid(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

fn question(principal: &str, resource: &Value) -> Value {
    json!({
        "principal": uid("User", principal),
        "action": uid("Action", "see"),
        "resource": resource,
    })
}
