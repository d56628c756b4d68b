//! Policies that are kept one by one, each a text with an id beside it.

use std::collections::BTreeMap;

use cedar_policy::PolicySet;
use peppol_authz_engine::policy::{SourceFile, on_large_stack};

/// Policies and templates by the ids that their keeper gives them.
#[derive(Debug, Default)]
pub(super) struct Statements(BTreeMap<String, Statement>);

#[derive(Debug, PartialEq)]
struct Statement {
    text: String,
    /// Its own `@id`, by which it is called.
    own_id: Option<String>,
    is_template: bool,
}

impl Statements {
    /// Adds one. The same may come twice.
    ///
    /// # Errors
    /// A text that is not one policy or template, or another one under a known id.
    pub(super) fn add(&mut self, id: &str, text: &str) -> Result<(), String> {
        let statement = Statement::read(text).map_err(|problem| format!("`{id}`: {problem}"))?;
        match self.0.get(id) {
            Some(known) if *known != statement => {
                Err(format!("`{id}` is there twice, with two texts"))
            }
            Some(_) => Ok(()),
            None => {
                self.0.insert(id.to_owned(), statement);
                Ok(())
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id by which a policy or template is called where it is read.
    pub(super) fn called<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let found = self.0.get(id)?;
        Some(found.own_id.as_deref().unwrap_or(id))
    }

    /// True if it is a template.
    pub(super) fn is_template(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|found| found.is_template)
    }

    /// All of them as a policy file, each with an `@id`.
    pub(super) fn text(&self) -> String {
        let all = self.0.iter().map(|(id, statement)| {
            let text = statement.text.trim();
            match statement.own_id {
                Some(_) => text.to_owned(),
                None => format!("@id(\"{}\")\n{text}", id.escape_debug()),
            }
        });
        let mut text = all.collect::<Vec<_>>().join("\n\n");
        text.push('\n');
        text
    }
}

impl Statement {
    fn read(text: &str) -> Result<Self, String> {
        let file = SourceFile {
            name: String::new(),
            path: None,
            text: text.to_owned(),
        };
        if !file.holds_policies() {
            return Err("it holds no policy, or one that is nested too deep".to_owned());
        }
        let set = on_large_stack(|| {
            let set = text.parse::<PolicySet>();
            set.map_err(|error| error.to_string())
        });
        let set = set.unwrap_or_else(|| Err("no thread could be had".to_owned()))?;
        if set.num_of_policies() + set.num_of_templates() != 1 {
            return Err("it holds more than one policy".to_owned());
        }
        let policies = set.policies().map(|it| it.annotation("id"));
        let templates = set.templates().map(|it| it.annotation("id"));
        Ok(Self {
            text: text.to_owned(),
            own_id: policies
                .chain(templates)
                .flatten()
                .next()
                .map(str::to_owned),
            is_template: set.num_of_templates() > 0,
        })
    }
}
