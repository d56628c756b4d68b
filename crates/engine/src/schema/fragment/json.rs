//! The JSON form of a schema, as `cedar-policy` writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Annotations by name.
pub(super) type Annotations = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamespaceJson {
    #[serde(default)]
    pub(super) common_types: BTreeMap<String, TypeJson>,
    #[serde(default)]
    pub(super) entity_types: BTreeMap<String, EntityTypeJson>,
    #[serde(default)]
    pub(super) actions: BTreeMap<String, ActionJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeJson {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) element: Option<Box<TypeJson>>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, TypeJson>,
    #[serde(default)]
    pub(super) additional_attributes: bool,
    #[serde(default = "yes")]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) annotations: Annotations,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityTypeJson {
    pub(super) shape: Option<TypeJson>,
    pub(super) tags: Option<TypeJson>,
    #[serde(rename = "enum")]
    pub(super) choices: Option<BTreeSet<String>>,
    #[serde(default)]
    pub(super) member_of_types: Vec<String>,
    #[serde(default)]
    pub(super) annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionJson {
    pub(super) applies_to: Option<AppliesToJson>,
    #[serde(default)]
    pub(super) member_of: Option<Vec<GroupJson>>,
    #[serde(default)]
    pub(super) annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppliesToJson {
    #[serde(default)]
    pub(super) principal_types: Vec<String>,
    #[serde(default)]
    pub(super) resource_types: Vec<String>,
    pub(super) context: Option<TypeJson>,
}

/// The action that another one is a member of.
#[derive(Deserialize)]
pub(super) struct GroupJson {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}
