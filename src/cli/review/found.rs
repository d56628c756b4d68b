//! The rights that were found, in a file: there may be more than fit into memory.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Error, Seek, SeekFrom, Write};

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::cli::output::AnyError;
use peppol_authz_engine::text::hex;
use peppol_authz_engine::{OpenAction, Reviewed, Right};

/// The line before the first right of a review in JSON.
pub(super) const RIGHTS: &str = "\"rights\": [";

/// The line behind the last.
pub(super) const END_OF_RIGHTS: &str = "],";

/// The parts of a review beside its rights.
pub(super) struct ReviewHead {
    pub(super) scope: Json,
    pub(super) reviewed: Reviewed,
}

/// Rights that are being found.
pub(super) struct FoundRights {
    to: BufWriter<File>,
    digest: Sha256,
    count: u64,
}

/// All rights, one a line as a JSON object.
pub(super) struct Rights {
    file: File,
    pub(super) count: u64,
    pub(super) digest: String,
}

impl FoundRights {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            to: BufWriter::with_capacity(1 << 18, tempfile::tempfile()?),
            digest: Sha256::new(),
            count: 0,
        })
    }

    pub(super) fn add(&mut self, right: &Right) -> Result<(), Error> {
        self.add_line(&line_of(right))
    }

    /// Adds one that is written already.
    pub(super) fn add_line(&mut self, line: &str) -> Result<(), Error> {
        self.digest.update(line);
        self.digest.update("\n");
        self.count += 1;
        writeln!(self.to, "{line}")
    }

    /// All of them.
    pub(super) fn end(self) -> Result<Rights, AnyError> {
        Ok(Rights {
            file: self.to.into_inner().map_err(|error| error.into_error())?,
            count: self.count,
            digest: hex(&self.digest.finalize(), 32),
        })
    }
}

/// Called with a right, as a line and read.
pub(super) type EachRight<'a> = dyn FnMut(&str, &Map<String, Json>) -> Result<(), Error> + 'a;

impl Rights {
    /// Calls `each` with every right, as a line and read.
    pub(super) fn each(&self, each: &mut EachRight<'_>) -> Result<(), Error> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        for line in BufReader::with_capacity(1 << 18, file).lines() {
            let line = line?;
            let right: Map<String, Json> = serde_json::from_str(&line)?;
            each(&line, &right)?;
        }
        Ok(())
    }
}

/// A right as a line of JSON. The members are in the order of their names.
fn line_of(right: &Right) -> String {
    let policies: BTreeSet<&str> = right
        .permits
        .iter()
        .filter_map(|it| it.policy.as_deref())
        .collect();
    let rules: BTreeSet<&str> = right
        .permits
        .iter()
        .filter_map(|it| it.rule.as_deref())
        .collect();
    let obligations: Vec<&str> = right.obligations.iter().map(|it| &**it).collect();
    json!({
        "principal": right.principal.to_string(),
        "action": right.action.to_string(),
        "context": right.context,
        "resource": right.resource.to_string(),
        "policies": policies,
        "rules": rules,
        "obligations": obligations,
    })
    .to_string()
}

/// The text of a member.
pub(super) fn text<'a>(right: &'a Map<String, Json>, member: &str) -> &'a str {
    right.get(member).and_then(Json::as_str).unwrap_or_default()
}

/// The texts of a member, with blanks between them.
pub(super) fn texts(right: &Map<String, Json>, member: &str) -> String {
    let all = right.get(member).and_then(Json::as_array);
    let all = all.into_iter().flatten().filter_map(Json::as_str);
    all.collect::<Vec<_>>().join(" ")
}

/// The context of a right; nothing where it is empty.
pub(super) fn context(right: &Map<String, Json>) -> String {
    match right.get("context") {
        Some(Json::Object(members)) if !members.is_empty() => {
            Json::Object(members.clone()).to_string()
        }
        _ => String::new(),
    }
}

/// Rights by what they allow, each with its obligations. A hash stands for each: 32 bytes for a right, however
/// long its names are.
#[derive(Default)]
pub(super) struct Known {
    rights: HashMap<[u8; 24], u32>,
    obligations: Vec<String>,
}

impl Known {
    pub(super) fn add(&mut self, right: &Map<String, Json>) {
        let obligations = texts(right, "obligations");
        let known = self.obligations.iter().position(|it| *it == obligations);
        let number = known.unwrap_or_else(|| {
            self.obligations.push(obligations);
            self.obligations.len() - 1
        });
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.rights.insert(key(right), number);
    }

    /// The obligations of the same right; `None` where there is none.
    pub(super) fn obligations(&self, right: &Map<String, Json>) -> Option<&str> {
        let number = *self.rights.get(&key(right))?;
        let found = self.obligations.get(usize::try_from(number).ok()?);
        found.map(String::as_str)
    }
}

fn key(right: &Map<String, Json>) -> [u8; 24] {
    let mut digest = Sha256::new();
    for member in ["principal", "action", "resource"] {
        digest.update(text(right, member));
        digest.update([0xff]);
    }
    digest.update(context(right));
    let mut key = [0; 24];
    let digest = digest.finalize();
    key.iter_mut()
        .zip(digest.iter())
        .for_each(|(to, from)| *to = *from);
    key
}

/// The members that an open action depends on, each with its type.
pub(super) fn members(open: &OpenAction) -> String {
    let members = open.members.iter();
    let members = members.map(|(name, ty)| format!("{name}: {ty}"));
    members.collect::<Vec<_>>().join(", ")
}
