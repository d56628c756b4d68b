//! The texts that a Bundle is made of. They are read whole: the text that is checked is the
//! text that is used.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::directory::PolicyDirectory;
use super::source_file::{SourceError, SourceFile};
use crate::text::hex;

static SHIPPED_SCHEMA: &str = include_str!("../../../../schema/peppol.cedarschema");
static SHIPPED_ROUTES: &str = include_str!("../../../../schema/routes.toml");

/// Everything that a Bundle is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The schema.
    pub schema: Arc<SourceFile>,
    /// The policy files, in the order of their names.
    pub policies: Vec<Arc<SourceFile>>,
    /// The list of rules, where the policy directory has one.
    pub rules: Option<Arc<SourceFile>>,
    /// The route table, where there is one.
    pub routes: Option<Arc<SourceFile>>,
}

impl Sources {
    /// Reads a policy directory (or a single policy file), a schema file and a route table; what is
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
            Some(path) => SourceFile::read(path)?,
            None => shipped.schema,
        };
        let PolicyDirectory { policies, rules } = match policies {
            Some(path) => PolicyDirectory::read(path)?,
            None => PolicyDirectory::shipped(),
        };
        Ok(Self {
            schema,
            policies,
            rules,
            routes,
        })
    }

    /// The sources inside the binary.
    #[must_use]
    pub fn shipped() -> Self {
        let PolicyDirectory { policies, rules } = PolicyDirectory::shipped();
        let file = |name: &str, text| SourceFile::shipped(name.to_owned(), text);
        Self {
            schema: file("schema/peppol.cedarschema", SHIPPED_SCHEMA),
            policies,
            rules,
            routes: Some(file("schema/routes.toml", SHIPPED_ROUTES)),
        }
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
        {
            // File names count, since they name policies; directories do not,
            // so that the same set has the same revision wherever it lies.
            let name = Path::new(&file.name).file_name().unwrap_or_default();
            put(name.as_encoded_bytes());
            put(file.text.as_bytes());
        }
        if let Some(file) = &self.routes {
            // Whatever its file is called, it is no other file's name.
            put(b"/routes");
            put(file.text.as_bytes());
        }
        hex(&hash.finalize(), 16)
    }
}
