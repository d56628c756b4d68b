//! Members of documents that nothing reads: counted, so that a misspelt one is seen.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use peppol_authz_engine::schema::{DocumentType, RecordType, Type};
use peppol_authz_engine::text::{cut, nearest};

/// The most names that are kept apart. Documents of another system have some hundred members at
/// most, and one whose names are data would fill the memory.
const MOST: usize = 1000;

/// The most bytes of a name that are repeated.
const LONGEST: usize = 100;

/// A member that nothing reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredMember {
    /// The type of the documents that have it.
    pub kind: String,
    /// Its name, from the outside in, as `contacts.name`.
    pub member: String,
    /// The member that was probably meant.
    pub meant: Option<String>,
    /// How many times it was written.
    pub times: u64,
    /// The file of the first document with it, as it was named.
    pub file: String,
    /// The line on which that document starts.
    pub line: usize,
}

/// All members of an import that nothing reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    found: BTreeMap<(String, String), IgnoredMember>,
    others: u64,
}

impl Ignored {
    /// The members, by the type of their documents and their names.
    pub fn members(&self) -> impl Iterator<Item = &IgnoredMember> {
        self.found.values()
    }

    /// How many times further members were written, which are not kept apart.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Counts the members of a document.
    pub(super) fn count(
        &mut self,
        json: &Json,
        document_type: &DocumentType,
        file: &str,
        line: usize,
    ) {
        each_unread(json, document_type, &mut |member, of| {
            self.add(&document_type.name, member, of, file, line);
        });
    }

    fn add(&mut self, kind: &str, member: &str, of: &RecordType, file: &str, line: usize) {
        let key = (kind.to_owned(), cut(member, LONGEST).into_owned());
        if let Some(known) = self.found.get_mut(&key) {
            known.times += 1;
        } else if self.found.len() >= MOST {
            self.others += 1;
        } else {
            let member = IgnoredMember {
                kind: kind.to_owned(),
                member: key.1.clone(),
                meant: meant(member, of).map(str::to_owned),
                times: 1,
                file: file.to_owned(),
                line,
            };
            self.found.insert(key, member);
        }
    }
}

/// The problem of the first member that nothing reads, of a document of which all are to be read.
pub(super) fn first_unread(json: &Json, document_type: &DocumentType) -> Option<String> {
    let mut first = None;
    each_unread(json, document_type, &mut |member, of| {
        first.get_or_insert_with(|| {
            let near = meant(member, of).map(|name| format!("; did you mean `{name}`?"));
            let member = cut(member, LONGEST);
            let near = near.unwrap_or_default();
            let kind = &document_type.name;
            format!("{kind}: `{member}`: nothing reads it{near}")
        });
    });
    first
}

/// The name that was probably meant by the last part of a member's name.
fn meant<'t>(member: &str, of: &'t RecordType) -> Option<&'t str> {
    let last = member.rsplit('.').next().unwrap_or(member);
    nearest(last, of.attributes.keys().map(|name| &**name))
}

/// Calls `visit` with every member that nothing reads, and the type that does not have it.
fn each_unread(
    json: &Json,
    document_type: &DocumentType,
    visit: &mut impl FnMut(&str, &RecordType),
) {
    each_in(json, &document_type.members, "", visit);
}

fn each_in(json: &Json, ty: &RecordType, outer: &str, visit: &mut impl FnMut(&str, &RecordType)) {
    for (name, json) in json.as_object().into_iter().flatten() {
        // The type of a document is read, and no attribute of it.
        if outer.is_empty() && name == "type" {
            continue;
        }
        let whole;
        let member = match outer {
            "" => name,
            outer => {
                whole = format!("{outer}.{name}");
                &whole
            }
        };
        match ty.attributes.get(name.as_str()).map(|found| &found.ty) {
            None => visit(member, ty),
            Some(Type::Record(ty)) => each_in(json, ty, member, visit),
            Some(Type::Set(element)) => {
                if let Type::Record(ty) = &**element {
                    for json in json.as_array().into_iter().flatten() {
                        each_in(json, ty, member, visit);
                    }
                }
            }
            Some(_) => {}
        }
    }
}
