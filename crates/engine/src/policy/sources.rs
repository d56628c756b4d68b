//! The texts that a Bundle is made of. They are read whole: the text that is checked is the
//! text that is used.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::directory::{PolicyDirectory, UnreadEntry};
use super::fault::{Fault, Severity};
use super::fragments::{Fragment, SchemaText, placed};
use super::level::MaxLevel;
use super::source_file::{SourceError, SourceFile};
use super::warnings::Warnings;
use crate::text::hex;

static SHIPPED_SCHEMA: &str = include_str!("../../../../schema/peppol.cedarschema");
static SCHEMA_OF_CALLERS: &str = include_str!("../../../../schema/callers.cedarschema");
static SHIPPED_ROUTES: &str = include_str!("../../../../schema/routes.toml");

/// Everything that a Bundle is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The schema.
    pub schema: Arc<SourceFile>,
    /// The files that the schema is made of, where it is a directory.
    pub fragments: Vec<Fragment>,
    /// The policy files, in the order of their names.
    pub policies: Vec<Arc<SourceFile>>,
    /// The list of rules, where the policy directory has one.
    pub rules: Option<Arc<SourceFile>>,
    /// The links of templates, where the policy directory has them.
    pub links: Option<Arc<SourceFile>>,
    /// The route table, where there is one.
    pub routes: Option<Arc<SourceFile>>,
    /// The digests of the policy files and the list of rules, where the policy directory has
    /// them.
    pub manifest: Option<Arc<SourceFile>>,
    /// The entries of the policy directory that were not read.
    pub unread: Vec<UnreadEntry>,
    /// True if rules have to list their policies: in a directory, which may be half of a copy. A
    /// revision of git is whole by itself.
    pub needs_lists: bool,
    /// True if there has to be a manifest.
    pub needs_manifest: bool,
    /// The fate of the set if Cedar warns of a policy.
    pub warnings: Warnings,
    /// The most references that policies may follow.
    pub max_level: MaxLevel,
}

impl Sources {
    /// A schema and policies, and nothing else.
    #[must_use]
    pub fn new(schema: Arc<SourceFile>, policies: Vec<Arc<SourceFile>>) -> Self {
        Self {
            schema,
            fragments: Vec::new(),
            policies,
            rules: None,
            links: None,
            routes: None,
            manifest: None,
            unread: Vec::new(),
            needs_lists: false,
            needs_manifest: false,
            warnings: Warnings::default(),
            max_level: MaxLevel::default(),
        }
    }

    /// Reads a policy directory (or a single policy file), a schema (a file, or a directory of fragments) and a route table; what is
    /// not named is the shipped one, inside the binary. The shipped table is for the shipped schema:
    /// where another is named there is none.
    ///
    /// # Errors
    /// A file or directory that cannot be read.
    pub fn read(
        policies: Option<&Path>,
        schema: Option<&Path>,
        routes: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let shipped = Self::shipped();
        let routes = match (routes, schema) {
            (Some(path), _) => Some(SourceFile::read(path)?),
            (None, Some(_)) => None,
            (None, None) => shipped.routes,
        };
        let schema = match schema {
            Some(path) => SchemaText::read(path)?,
            None => SchemaText::from(shipped.schema),
        };
        let directory = match policies {
            Some(path) => PolicyDirectory::read(path)?,
            None => PolicyDirectory::shipped(),
        };
        let mut sources = Self {
            routes,
            needs_lists: policies.is_some(),
            fragments: schema.fragments,
            ..Self::of_directory(schema.file, directory)
        };
        // A mount may hold them all together.
        let named = [&sources.schema].into_iter().chain(&sources.routes);
        let named: Vec<_> = named.map(|file| file.name.clone()).collect();
        sources.unread.retain(|entry| !named.contains(&entry.name));
        sources.unread.extend(schema.unread);
        Ok(sources)
    }

    /// The same, where policies of a directory are taken only with a manifest that they fulfil.
    #[must_use]
    pub fn with_manifest_needed(self, needed: bool) -> Self {
        Self {
            needs_manifest: needed && self.needs_lists,
            ..self
        }
    }

    /// Faults, each in the file that it is in.
    #[must_use]
    pub fn placed(&self, faults: Vec<Fault>) -> Vec<Fault> {
        let place = |fault| placed(fault, &self.schema, &self.fragments);
        faults.into_iter().map(place).collect()
    }

    /// The same, with that fate if Cedar warns of a policy.
    #[must_use]
    pub fn with_warnings(self, warnings: Warnings) -> Self {
        Self { warnings, ..self }
    }

    /// The same, where policies may follow so many references.
    #[must_use]
    pub fn with_max_level(self, max_level: MaxLevel) -> Self {
        Self { max_level, ..self }
    }

    /// A schema, and the policies of a directory.
    #[must_use]
    pub fn of_directory(schema: Arc<SourceFile>, directory: PolicyDirectory) -> Self {
        let PolicyDirectory {
            policies,
            rules,
            links,
            manifest,
            unread,
            ..
        } = directory;
        Self {
            rules,
            links,
            manifest,
            unread,
            ..Self::new(schema, policies)
        }
    }

    /// The entries of the policy directory that are left out, each as a note to a reader.
    pub fn left_out(&self) -> impl Iterator<Item = Fault> {
        let left_out = self.unread.iter().filter(|entry| !entry.refused);
        left_out.map(|entry| {
            let text = format!("`{}` is left out: {}", entry.name, entry.reason);
            Fault::new(&SourceFile::unread(&entry.name), Severity::Note, text)
        })
    }

    /// The reasons why these cannot take the place of others, though nothing in them is wrong: a
    /// list of rules or of digests that the others have, and by which a missing policy would be
    /// noticed, or links, without which there are fewer policies.
    #[must_use]
    pub fn lacks(&self, others: &Self) -> Vec<String> {
        let pairs = [
            (&self.rules, &others.rules),
            (&self.manifest, &others.manifest),
        ];
        let lost = pairs.into_iter().filter(|(own, _)| own.is_none());
        let lost = lost.filter_map(|(_, other)| other.as_ref());
        let lost = lost.map(|file| {
            let name = &file.name;
            format!("`{name}` is gone: without it nobody can tell if policies are missing")
        });
        let links = others.links.as_ref().filter(|_| self.links.is_none());
        let links = links.map(|file| {
            let name = &file.name;
            format!("`{name}` is gone: where nothing is linked any more, write `link = []` in it")
        });
        lost.chain(links).collect()
    }

    /// The sources inside the binary.
    #[must_use]
    pub fn shipped() -> Self {
        let file = |name: &str, text| SourceFile::shipped(name.to_owned(), text);
        Self {
            routes: Some(file("schema/routes.toml", SHIPPED_ROUTES)),
            ..Self::of_directory(
                file("schema/peppol.cedarschema", SHIPPED_SCHEMA),
                PolicyDirectory::shipped(),
            )
        }
    }

    /// The policies by which callers may ask, of a directory or inside the binary, with their schema, which is
    /// always that inside the binary.
    ///
    /// # Errors
    /// A file or directory that cannot be read.
    pub fn of_callers(policies: Option<&Path>) -> Result<Self, SourceError> {
        let name = "schema/callers.cedarschema".to_owned();
        let schema = SourceFile::shipped(name, SCHEMA_OF_CALLERS);
        let directory = match policies {
            Some(path) => PolicyDirectory::read(path)?,
            None => PolicyDirectory::shipped_of_callers(),
        };
        Ok(Self {
            needs_lists: policies.is_some(),
            ..Self::of_directory(schema, directory)
        })
    }

    /// A digest over names and contents: two Sources with one digest decide
    /// every question alike.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        for file in std::iter::once(&self.schema)
            .chain(&self.policies)
            .chain(&self.rules)
            .chain(&self.links)
        {
            // File names count, since they name policies; directories do not,
            // so that the same set has the same revision wherever it lies.
            let name = Path::new(&file.name).file_name().unwrap_or_default();
            put(name.as_encoded_bytes());
            put(file.text.as_bytes());
        }
        if let Some(file) = &self.routes {
            // It is no other file's name, whatever its own file is called.
            put(b"/routes");
            put(file.text.as_bytes());
        }
        hex(&hash.finalize(), 16)
    }
}
