//! Tenancy documents into the store: read, checked and staged one by one, then
//! moved into the base tables by the statements beside the schema.
//!
//! `schema/documents.cedarschema` describes documents, `schema/sqlite/import.sql` how they are
//! stored. Everything happens in one transaction,
//! so an import lands whole or not at all.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use cedar_policy::EntityTypeName;

use super::added_documents::{added_documents, schema_fault};
use super::additions::{Additions, AdditionsError};
use super::documents::{DocumentError, Documents};
use super::ignored::{Ignored, first_unread};
use peppol_authz_engine::policy::SourceFile;
use peppol_authz_engine::schema::{
    DocumentType, JsonOrigin, Record, Schema, SchemaError, Type, document_types, parse_json,
    record_to_json,
};
use peppol_authz_engine::store::{Revision, StoreError};
use peppol_authz_engine::text::did_you_mean;

/// Levels of JSON in a document; a real organisation has four.
const JSON_DEPTH: usize = 32;

static SCHEMA: &str = include_str!("../../../schema/peppol.cedarschema");
static DOCUMENTS: &str = include_str!("../../../schema/documents.cedarschema");

/// The types of documents that can be imported.
#[derive(Debug)]
pub struct Import {
    schema: Schema,
    /// In the order of their names.
    types: Vec<DocumentType>,
    /// True if a member that nothing reads is a fault.
    strict: bool,
    additions: Option<Arc<Additions>>,
    /// The types that additions have made, or have put members into.
    added: Vec<String>,
}

/// A document that has been read and checked.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) kind: String,
    /// The members by which it replaces an earlier one, as a JSON array.
    pub(super) key: String,
    pub(super) line: usize,
    /// Its members, canonical, as a JSON object.
    pub(super) text: String,
}

/// A member that names an entity, which has to exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) member: String,
    /// True if the member is an array of ids.
    pub(super) many: bool,
    pub(super) entity_type: EntityTypeName,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// How many documents were read.
    pub documents: u64,
    /// The state that holds them.
    pub revision: Revision,
    /// Their members that nothing reads.
    pub ignored: Ignored,
}

/// Why nothing has been imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A document is wrong.
    #[error("{file}:{line}: {problem}")]
    Document {
        /// The file, as it was named.
        file: String,
        /// The line on which the document starts.
        line: usize,
        /// The problem with it.
        problem: String,
    },
    /// A file cannot be read.
    #[error("{file}: {cause}")]
    Read {
        /// The file, as it was named.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The obstacle to writing, and the remedy.
    #[error("{0}")]
    Refused(String),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Import {
    /// Reads the schemas inside the binary.
    ///
    /// # Errors
    /// Schemas that do not parse, which a test rules out.
    pub fn new() -> Result<Self, SchemaError> {
        let schema = Schema::parse(SCHEMA)?;
        let types = document_types(&format!("{SCHEMA}\n{DOCUMENTS}"))?;
        Ok(Self {
            schema,
            types,
            strict: false,
            additions: None,
            added: Vec::new(),
        })
    }

    /// The documents of a schema, with the members that additions have beside the shipped ones.
    ///
    /// # Errors
    /// A schema that cannot be used, and members that cannot be added.
    pub fn with(schema: &SourceFile, additions: Arc<Additions>) -> Result<Self, AdditionsError> {
        let refused = |error: &SchemaError| AdditionsError(vec![schema_fault(schema, error)]);
        let parsed = Schema::parse(&schema.text).map_err(|error| refused(&error))?;
        let types = shipped_documents(&schema.text).map_err(|error| refused(&error))?;
        let shipped: BTreeMap<String, usize> = types
            .iter()
            .map(|it| (it.name.clone(), it.members.attributes.len()))
            .collect();
        let types = added_documents(types, &schema.text, additions.documents.as_ref())?;
        let is_added =
            |it: &&DocumentType| shipped.get(&it.name) != Some(&it.members.attributes.len());
        Ok(Self {
            added: types
                .iter()
                .filter(is_added)
                .map(|it| it.name.clone())
                .collect(),
            types,
            schema: parsed,
            strict: false,
            additions: Some(additions),
        })
    }

    /// The types of documents that additions have made, or have put members into.
    pub(super) fn added(&self) -> &[String] {
        &self.added
    }

    /// The names of all types of documents, in order.
    #[cfg(test)]
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|it| it.name.as_str())
    }

    /// The additions that the documents are read by.
    #[must_use]
    pub fn additions(&self) -> Option<&Arc<Additions>> {
        self.additions.as_ref()
    }

    /// The same, where a member that nothing reads is a fault.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The next document of a stream, whose members that nothing reads are counted. `Err` has the
    /// line and the problem.
    pub(super) fn next<R: BufRead>(
        &self,
        file: &str,
        documents: &mut Documents<R>,
        ignored: &mut Ignored,
    ) -> Result<Option<Document>, DocumentError> {
        let Some((line, text)) = documents.next_document()? else {
            return Ok(None);
        };
        let malformed = |problem: String| DocumentError::Malformed { line, problem };
        let json = parse_json(&text, JSON_DEPTH).map_err(|error| malformed(error.to_string()))?;
        let read = match json.get("type") {
            Some(serde_json::Value::String(name)) => self.read(name, &json),
            None if json.get("uid").is_some() => Err(
                "this is an entity of Cedar's and no document: `import --cedar` makes a database of such"
                    .to_owned(),
            ),
            _ => Err("`type`: a string is wanted".to_owned()),
        };
        let (document_type, record) = read.map_err(malformed)?;
        if self.strict
            && let Some(problem) = first_unread(&json, document_type)
        {
            return Err(malformed(problem));
        }
        ignored.count(&json, document_type, file, line);
        Ok(Some(Document {
            kind: document_type.name.clone(),
            key: key(document_type, &record),
            line,
            text: record_to_json(&record).to_string(),
        }))
    }

    /// Reads all documents of a stream, and stores none. Returns how many they are.
    ///
    /// # Errors
    /// The first that is wrong by itself, or a stream that cannot be read.
    pub fn check<R: BufRead>(&self, file: &str, input: R) -> Result<u64, ImportError> {
        let mut documents = Documents::new(input);
        let mut ignored = Ignored::default();
        let mut count = 0;
        loop {
            let next = self.next(file, &mut documents, &mut ignored);
            match next.map_err(|error| Self::fault(file, error))? {
                Some(_) => count += 1,
                None => return Ok(count),
            }
        }
    }

    /// A document of a type, read by the schema.
    pub(super) fn read(
        &self,
        kind: &str,
        json: &serde_json::Value,
    ) -> Result<(&DocumentType, Record), String> {
        let document_type = self.kind(kind)?;
        let members = &document_type.members;
        let record = self.schema.record(json, members, JsonOrigin::Document);
        let record = record.map_err(|misfit| format!("{kind}: {misfit}"))?;
        Ok((document_type, record))
    }

    /// The documents of a type.
    pub(super) fn kind(&self, name: &str) -> Result<&DocumentType, String> {
        let found = self.types.iter().find(|known| known.name == name);
        found.ok_or_else(|| {
            let names = self.types.iter().map(|known| known.name.as_str());
            let near = did_you_mean(name, names.clone());
            let known: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            format!("`type`: not one of {}{near}", known.join(", "))
        })
    }

    /// The members that refer to entities which the store has to hold.
    pub(super) fn references(&self, serves: &dyn Fn(&EntityTypeName) -> bool) -> Vec<Reference> {
        let mut references = Vec::new();
        for document_type in &self.types {
            for (member, attribute) in &document_type.members.attributes {
                // A document's own id refers to nothing else.
                if document_type.key == [&**member] {
                    continue;
                }
                let (entity_type, many) = match &attribute.ty {
                    Type::Entity(name) => (name, false),
                    Type::Set(element) => match &**element {
                        Type::Entity(name) => (name, true),
                        _ => continue,
                    },
                    _ => continue,
                };
                let always_there = self
                    .schema
                    .entity_type(entity_type)
                    .is_none_or(|found| found.when_absent.is_some());
                if serves(entity_type) && !always_there {
                    references.push(Reference {
                        kind: document_type.name.clone(),
                        member: member.to_string(),
                        many,
                        entity_type: entity_type.clone(),
                    });
                }
            }
        }
        references
    }

    /// The problem of a document that refers to an entity which does not exist.
    pub(super) fn missing(&self, reference: &Reference, id: &str) -> String {
        let kind = self.kind_of(&reference.entity_type).unwrap_or("entity");
        format!(
            "{}: `{}`: there is no {kind} `{id}`",
            reference.kind, reference.member
        )
    }

    /// The kind of document that makes entities of a type.
    fn kind_of(&self, entity_type: &EntityTypeName) -> Option<&str> {
        let own_id = |found: &&DocumentType| match found.key.as_slice() {
            [member] => {
                let attribute = found.members.attributes.get(member.as_str());
                attribute.is_some_and(|found| found.ty == Type::Entity(entity_type.clone()))
            }
            _ => false,
        };
        let found = self.types.iter().find(own_id);
        found.map(|found| found.name.as_str())
    }

    /// A name for a stream's faults.
    pub(super) fn fault(file: &str, error: DocumentError) -> ImportError {
        match error {
            DocumentError::Io(cause) => ImportError::Read {
                file: file.to_owned(),
                cause,
            },
            DocumentError::Malformed { line, problem } => ImportError::Document {
                file: file.to_owned(),
                line,
                problem,
            },
        }
    }
}

/// The shipped documents over a schema. One that names a type which the schema has not is left out: it
/// was taken out of a project.
fn shipped_documents(schema: &str) -> Result<Vec<DocumentType>, SchemaError> {
    let error = match document_types(&format!("{schema}\n{DOCUMENTS}")) {
        Err(error) => error,
        types => return types,
    };
    let (_, inner) = DOCUMENTS.split_once("{\n").unwrap_or_default();
    let (inner, _) = inner.rsplit_once('}').unwrap_or_default();
    let each = inner
        .split("\n\n")
        .map(|one| document_types(&format!("{schema}\nnamespace Document {{\n{one}\n}}")));
    let types: Vec<_> = each.flatten().flatten().collect();
    match types.is_empty() {
        true => Err(error),
        false => Ok(types),
    }
}

/// The members by which a document replaces an earlier one, as a JSON array.
fn key(document_type: &DocumentType, record: &Record) -> String {
    let members = document_type.key.iter();
    let members = members.filter_map(|member| record.get(member.as_str()));
    serde_json::Value::Array(members.map(|value| value.to_json()).collect()).to_string()
}

/// A document at fault, by the numbers of its file and line.
pub(super) fn document_error(
    files: &[String],
    file: i64,
    line: i64,
    problem: String,
) -> ImportError {
    let file = usize::try_from(file)
        .ok()
        .and_then(|i| files.get(i))
        .cloned()
        .unwrap_or_default();
    ImportError::Document {
        file,
        line: usize::try_from(line).unwrap_or(0),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_a_type_that_a_schema_has_not_is_left_out() {
        let names = |schema: &str| {
            let types = shipped_documents(schema).map_err(|error| error.to_string())?;
            Ok::<_, String>(types.into_iter().map(|it| it.name).collect::<Vec<_>>())
        };
        assert_eq!(names(SCHEMA).unwrap().len(), 10);
        let some = "namespace Peppol { entity Organisation; entity LegalEntity; entity Document; }";
        assert_eq!(names(some).unwrap(), ["LEGAL_ENTITY", "DOCUMENT"]);
        assert!(names("entity User;").is_err());
        assert!(names("entity User").is_err());
    }
}
