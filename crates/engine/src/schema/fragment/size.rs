//! How large a schema is once types are put in the place of their names, and groups in each other.
//!
//! A short text can be very large so: of 40 types that each name the one before twice, the last is
//! 2^40 types. So this is counted before anybody puts them there.

use std::collections::BTreeMap;

use super::json::TypeJson;
use super::qualified;
use super::resolve::Namespaces;
use crate::schema::error::SchemaError;

/// Types and attributes of a schema in which no type is named. So many take less than a second.
const MAX_PARTS: u64 = 250_000;

/// Steps from a type or an action to all those that it is in, directly or not, of all together.
const MAX_STEPS: u64 = 1_000_000;

/// Kinds of questions: action, type of principal, type of resource.
const MAX_KINDS: u64 = 250_000;

/// The sizes of common types. `None` while that of a type is being found: one that is in itself is
/// refused by Cedar.
type Sizes = BTreeMap<String, Option<u64>>;

impl Namespaces {
    /// Holds a schema to its bounds.
    ///
    /// # Errors
    /// One that is larger.
    pub(super) fn check_size(&self) -> Result<(), SchemaError> {
        self.check_parts()?;
        self.check_kinds()?;
        let types = self.0.iter().flat_map(|(namespace, contents)| {
            let types = contents.entity_types.iter();
            types.map(|(name, json)| (qualified(namespace, name), json.member_of_types.clone()))
        });
        check_groups("entity type", &types.collect())?;
        let actions = self.0.iter().flat_map(|(namespace, contents)| {
            let own = qualified(namespace, "Action");
            contents.actions.iter().map(move |(name, json)| {
                let groups = json.member_of.iter().flatten().map(|group| {
                    let kind = group.kind.as_deref().unwrap_or(&own);
                    format!("{kind}::{:?}", group.id)
                });
                (format!("{own}::{name:?}"), groups.collect())
            })
        });
        check_groups("action", &actions.collect())
    }

    fn check_parts(&self) -> Result<(), SchemaError> {
        let mut sizes = Sizes::new();
        let mut all = 0_u64;
        for (namespace, contents) in &self.0 {
            let common = contents.common_types.iter();
            let common = common.map(|(name, json)| (name, Some(json)));
            let types = contents.entity_types.iter();
            let types = types
                .flat_map(|(name, json)| [(name, json.shape.as_ref()), (name, json.tags.as_ref())]);
            let actions = contents.actions.iter();
            let actions = actions.map(|(name, json)| {
                let applies_to = json.applies_to.as_ref();
                (name, applies_to.and_then(|found| found.context.as_ref()))
            });
            for (name, json) in common.chain(types).chain(actions) {
                let size = json.map_or(0, |json| self.size(json, &mut sizes));
                all = all.saturating_add(size);
                if all > MAX_PARTS {
                    let name = qualified(namespace, name);
                    return Err(SchemaError::Unsupported(format!(
                        "with `{name}` the schema has more than {MAX_PARTS} types and attributes, \
                         once types are put in the place of their names"
                    )));
                }
            }
        }
        Ok(())
    }

    fn check_kinds(&self) -> Result<(), SchemaError> {
        let mut all = 0_u64;
        for (namespace, contents) in &self.0 {
            for (name, json) in &contents.actions {
                if let Some(found) = &json.applies_to {
                    let kinds =
                        found.principal_types.len() as u64 * found.resource_types.len() as u64;
                    all = all.saturating_add(kinds);
                }
                if all > MAX_KINDS {
                    let name = qualified(namespace, name);
                    return Err(SchemaError::Unsupported(format!(
                        "with the action `{name}` the schema has more than {MAX_KINDS} kinds of questions"
                    )));
                }
            }
        }
        Ok(())
    }

    fn size(&self, json: &TypeJson, sizes: &mut Sizes) -> u64 {
        let inner = json.element.as_deref().into_iter();
        let inner = inner.chain(json.attributes.values());
        let inner = inner.fold(0_u64, |sum, each| {
            sum.saturating_add(self.size(each, sizes))
        });
        let named = match self.common_type(&json.kind) {
            Some(common) => self.size_of_common(&json.kind, common, sizes),
            None => 0,
        };
        inner.saturating_add(named).saturating_add(1)
    }

    fn size_of_common(&self, name: &str, common: &TypeJson, sizes: &mut Sizes) -> u64 {
        if let Some(size) = sizes.get(name) {
            return size.unwrap_or_default();
        }
        sizes.insert(name.to_owned(), None);
        let size = self.size(common, sizes);
        sizes.insert(name.to_owned(), Some(size));
        size
    }
}

/// Follows what is in what, from each to the last.
fn check_groups(what: &str, groups: &BTreeMap<String, Vec<String>>) -> Result<(), SchemaError> {
    let numbers: BTreeMap<&str, usize> = groups
        .keys()
        .enumerate()
        .map(|(number, name)| (name.as_str(), number))
        .collect();
    let above: Vec<Vec<usize>> = groups
        .values()
        .map(|names| {
            let known = names.iter().filter_map(|name| numbers.get(name.as_str()));
            known.copied().collect()
        })
        .collect();
    let mut steps = 0_u64;
    let mut seen_by = vec![usize::MAX; above.len()];
    for (number, name) in groups.keys().enumerate() {
        let mut next = vec![number];
        while let Some(found) = next.pop() {
            for &group in above.get(found).into_iter().flatten() {
                steps += 1;
                if steps > MAX_STEPS {
                    return Err(SchemaError::Unsupported(format!(
                        "with the {what} `{name}` there are more than {MAX_STEPS} steps from one to all \
                         that it is in"
                    )));
                }
                if let Some(by) = seen_by.get_mut(group)
                    && *by != number
                {
                    *by = number;
                    next.push(group);
                }
            }
        }
    }
    Ok(())
}
