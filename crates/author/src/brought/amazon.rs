//! A policy store of Amazon Verified Permissions, as its command line writes it: `get-schema`, `list-policies`,
//! `get-policy`, `batch-get-policy`, `list-policy-templates`, `get-policy-template`.

use std::collections::BTreeMap;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use peppol_authz_engine::policy::LinkText;
use serde_json::Value as Json;

use super::statement::Statements;

/// A store, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct AmazonStore {
    statements: Statements,
    links: BTreeMap<String, LinkText>,
    /// The policies and templates that a list names, each with the command that writes its text.
    listed: BTreeMap<String, &'static str>,
    /// The schema, in Cedar's JSON.
    pub(super) schema: Option<String>,
}

/// All that a store holds.
pub(super) struct AmazonPolicies {
    /// A policy file; `None` where there is nothing of a store.
    pub(super) text: Option<String>,
    pub(super) links: Vec<LinkText>,
}

/// True for a document of the store.
pub(super) fn is_amazon(json: &Json) -> bool {
    let has = |name: &str| json.get(name).is_some();
    let of_store = |name: &str| {
        let list = json.get(name).and_then(Json::as_array);
        list.is_some_and(|all| !all.is_empty() && all.iter().all(is_amazon))
    };
    let is_empty_list = |name: &str| {
        let object = json.as_object().filter(|members| members.len() <= 2);
        let list = object.and_then(|members| members.get(name)?.as_array());
        list.is_some_and(Vec::is_empty)
    };
    let is_schema = matches!(json.get("schema"), Some(Json::String(_)))
        && (has("policyStoreId") || has("namespaces"));
    is_schema
        || (has("policyId") && has("definition"))
        || has("policyTemplateId")
        || of_store("policies")
        || of_store("policyTemplates")
        || of_store("results")
        || is_empty_list("policies")
        || is_empty_list("policyTemplates")
        || json
            .as_array()
            .is_some_and(|all| !all.is_empty() && all.iter().all(is_amazon))
}

impl AmazonStore {
    /// Takes a document of the store.
    ///
    /// # Errors
    /// A list that goes on elsewhere, a policy that cannot be read or that another document says otherwise.
    pub(super) fn add(&mut self, json: &Json) -> Result<(), String> {
        if let Some(all) = json.as_array() {
            return all.iter().try_for_each(|one| self.add(one));
        }
        if json.get("nextToken").is_some_and(|token| !token.is_null()) {
            let text = "the list goes on behind its `nextToken`: have it written whole, without `--no-paginate` and \
                        `--max-items`";
            return Err(text.to_owned());
        }
        let failed = json.get("errors").and_then(Json::as_array);
        if failed.is_some_and(|errors| !errors.is_empty()) {
            return Err("it has `errors`: policies that could not be read are missing".to_owned());
        }
        for name in ["policies", "policyTemplates", "results"] {
            let list = json.get(name).and_then(Json::as_array);
            list.into_iter().flatten().try_for_each(|it| self.add(it))?;
        }
        if let Some(schema) = json.get("schema").and_then(Json::as_str) {
            if self.schema.as_deref().is_some_and(|known| known != schema) {
                return Err("there are two schemas".to_owned());
            }
            self.schema = Some(schema.to_owned());
        }
        if let Some(definition) = json.get("definition") {
            return self.policy(text(json, "policyId")?, definition);
        }
        if json.get("policyTemplateId").is_some() {
            return self.template(json);
        }
        Ok(())
    }

    fn template(&mut self, json: &Json) -> Result<(), String> {
        let id = text(json, "policyTemplateId")?;
        match json.get("statement").and_then(Json::as_str) {
            None => {
                self.listed.insert(id.to_owned(), "get-policy-template");
                Ok(())
            }
            Some(statement) => {
                self.statements.add(id, statement)?;
                match self.statements.is_template(id) {
                    true => Ok(()),
                    false => Err(format!("template `{id}` has no slots to be filled")),
                }
            }
        }
    }

    fn policy(&mut self, id: &str, definition: &Json) -> Result<(), String> {
        if let Some(linked) = definition.get("templateLinked") {
            let link = LinkText {
                id: id.to_owned(),
                template: text(linked, "policyTemplateId")?.to_owned(),
                principal: linked.get("principal").map(entity).transpose()?,
                resource: linked.get("resource").map(entity).transpose()?,
            };
            return match self.links.get(id) {
                Some(known) if *known != link => {
                    Err(format!("`{id}` is there twice, with two links"))
                }
                _ => {
                    self.links.insert(id.to_owned(), link);
                    Ok(())
                }
            };
        }
        let Some(of_text) = definition.get("static") else {
            return Err(format!(
                "`{id}` is neither `static` nor `templateLinked`: that is not known here"
            ));
        };
        match of_text.get("statement").and_then(Json::as_str) {
            None => {
                self.listed.insert(id.to_owned(), "get-policy");
                Ok(())
            }
            Some(statement) => self.statements.add(id, statement),
        }
    }

    /// All that the documents hold together.
    ///
    /// # Errors
    /// A policy or template that a list or a link names, and whose text is not there.
    pub(super) fn finish(self) -> Result<AmazonPolicies, String> {
        let known = |id: &str| self.statements.called(id).is_some();
        if let Some((id, command)) = self.listed.iter().find(|(id, _)| !known(id)) {
            return Err(format!(
                "`{id}` is listed, and its text is not there: `aws verifiedpermissions {command}` writes it"
            ));
        }
        let links = self.links.into_values().map(|link| {
            let (id, template) = (&link.id, &link.template);
            match self.statements.called(template) {
                Some(called) => Ok(LinkText {
                    template: called.to_owned(),
                    ..link
                }),
                None => Err(format!(
                    "policy `{id}` is linked to template `{template}`, which is not there: `aws verifiedpermissions \
                     get-policy-template` writes it"
                )),
            }
        });
        Ok(AmazonPolicies {
            links: links.collect::<Result<_, _>>()?,
            text: (!self.statements.is_empty()).then(|| self.statements.text()),
        })
    }
}

fn text<'j>(json: &'j Json, member: &str) -> Result<&'j str, String> {
    let found = json.get(member).and_then(Json::as_str);
    found.ok_or_else(|| format!("`{member}` is missing"))
}

/// `{"entityType", "entityId"}` as Cedar writes an entity.
fn entity(json: &Json) -> Result<String, String> {
    let (kind, id) = (text(json, "entityType")?, text(json, "entityId")?);
    let name: EntityTypeName = kind
        .parse()
        .map_err(|_| format!("`{kind}` is no entity type"))?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)).to_string())
}
