//! The check that the views of a database are those that a schema needs.

use std::sync::Arc;

use super::description::Description;
use super::records::RECORDS;
use crate::views;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::StoreError;

impl Description {
    /// Refuses a view that has gone since `before`, or that another role has put in its place.
    /// Callers may describe entities that the store does not serve: while the program runs, no
    /// type may become theirs.
    pub(super) fn check_after(&self, before: &Self, schema: &Schema) -> Result<(), StoreError> {
        let mut types = schema.entity_types().into_iter().map(|found| &found.name);
        if let Some(name) = types.find(|name| before.serves(name) && !self.serves(name)) {
            return Err(StoreError::Misfit(format!(
                "the view `{name}` is not there any more; if it is not to be, restart the program"
            )));
        }
        let other = before.described().iter().find_map(|name| {
            let (now, then) = (self.relations.get(name)?, before.relations.get(name)?);
            (!now.is_beside(then)).then_some((name, now))
        });
        match other {
            None => Ok(()),
            Some((name, now)) => Err(StoreError::Misfit(format!(
                "the view `{name}` is another one now, in the schema `{}` and of the owner `{}`; \
                 if it is to be, restart the program",
                now.schema, now.owner
            ))),
        }
    }

    /// Checks that the views are those that a schema needs, and may be read.
    pub(super) fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        if let Some(broken) = &self.broken {
            return Err(StoreError::Misfit(format!(
                "the database is not whole, and changes are not noted: {broken} is not there, or \
                 lacks its triggers; a restore is going on, or one has failed, or the tables are of an older \
                 version: see `peppol-authz migrate`"
            )));
        }
        let mut names = views::check(schema, &self.relations.columns)?;
        if names.is_empty() {
            return Err(StoreError::Misfit(
                "the database has none of the views that the schema asks for, or not in the \
                 search_path; `peppol-authz migrate` makes tables and views in an empty one"
                    .to_owned(),
            ));
        }
        names.extend(
            RECORDS
                .map(str::to_owned)
                .into_iter()
                .filter(|name| self.relations.columns.contains_key(name)),
        );
        let mut denied: Vec<_> = names
            .iter()
            .filter(|name| self.relations.denied.contains(*name))
            .map(|name| format!("\"{name}\""))
            .collect();
        if denied.is_empty() {
            return Ok(());
        }
        denied.sort();
        Err(StoreError::Misfit(format!(
            "the role `{role}` may not read what it needs: GRANT SELECT ON {} TO \"{role}\"",
            denied.join(", "),
            role = self.relations.role,
        )))
    }
}
