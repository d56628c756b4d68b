//! The difference from an earlier review.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Error};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::found_rights::{EachRight, FoundRights, Rights};
use super::right_line::{END_OF_RIGHTS, RIGHTS, RightKey, RightLine, used_member};

/// An earlier review in JSON.
#[derive(Debug)]
pub struct Since {
    path: PathBuf,
    head: Map<String, Json>,
}

/// The rights that have come and gone.
#[derive(Debug)]
pub struct Differences {
    /// The state of the earlier review.
    pub(super) tenancy_revision: String,
    pub(super) policy_revision: String,
    /// Rights that were not there, or had more obligations.
    pub wider: Rights,
    /// Rights that are not there any more, or have more obligations.
    pub narrower: Rights,
}

impl Since {
    /// Opens a review, which has to be as it was written.
    ///
    /// # Errors
    /// A file that is none, or is not whole.
    pub fn open(path: &Path) -> Result<Self, String> {
        let wrong = |problem: &str| format!("`{}`: {problem}", path.display());
        let mut found = FoundRights::new().map_err(|error| wrong(&error.to_string()))?;
        let head = each_right(path, &mut |line, _| found.add_line(line));
        let head = head.map_err(|error| wrong(&error.to_string()))?;
        let rights = found.end().map_err(|error| wrong(&error.to_string()))?;
        if head.get("digest").and_then(Json::as_str) != Some(&rights.digest) {
            return Err(wrong(
                "it is no review as `review --format json` writes it, or was changed since",
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            head,
        })
    }

    /// Checks that it is of that scope.
    ///
    /// # Errors
    /// Another one: what is beyond it would look new.
    pub fn is_of(&self, scope: &Json) -> Result<(), String> {
        match self.head.get("scope") {
            Some(before) if before == scope => Ok(()),
            before => Err(format!(
                "`{}` is a review of another scope: {}, and this is one of {scope}",
                self.path.display(),
                before.unwrap_or(&Json::Null)
            )),
        }
    }

    /// Compares it with a later one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn compare(self, now: &Rights) -> Result<Differences, Error> {
        let (mut known, mut narrower) = (Known::default(), FoundRights::new()?);
        now.each(&mut |_, right| {
            known.add(right);
            Ok(())
        })?;
        let mut before = Known::default();
        each_right(&self.path, &mut |line, right| {
            before.add(right);
            let later = known.obligations(right);
            match later.is_some_and(|later| covers(&right.obligations, later)) {
                true => Ok(()),
                false => narrower.add_line(line),
            }
        })?;
        drop(known);
        let mut wider = FoundRights::new()?;
        now.each(&mut |line, right| {
            let earlier = before.obligations(right);
            match earlier.is_some_and(|earlier| covers(&right.obligations, earlier)) {
                true => Ok(()),
                false => wider.add_line(line),
            }
        })?;
        let text = |member: &str| {
            let text = self.head.get(member).and_then(Json::as_str);
            text.unwrap_or_default().to_owned()
        };
        Ok(Differences {
            tenancy_revision: text("tenancyRevision"),
            policy_revision: text("policyRevision"),
            wider: wider.end()?,
            narrower: narrower.end()?,
        })
    }
}

/// True if all of the others are among these obligations.
fn covers(these: &[Cow<'_, str>], others: &BTreeSet<String>) -> bool {
    others
        .iter()
        .all(|other| these.iter().any(|one| one == other))
}

/// Rights by what they allow, each with its obligations: 32 bytes for a right, however long its names are.
#[derive(Default)]
struct Known {
    rights: HashMap<RightKey, u32>,
    obligations: Vec<BTreeSet<String>>,
}

impl Known {
    fn add(&mut self, right: &RightLine<'_>) {
        let obligations = right.obligations.iter().map(|it| it.to_string()).collect();
        let known = self.obligations.iter().position(|it| *it == obligations);
        let number = known.unwrap_or_else(|| {
            self.obligations.push(obligations);
            self.obligations.len() - 1
        });
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.rights.insert(right.key(), number);
    }

    /// The obligations of the same right; `None` where there is none.
    fn obligations(&self, right: &RightLine<'_>) -> Option<&BTreeSet<String>> {
        let number = *self.rights.get(&right.key())?;
        self.obligations.get(usize::try_from(number).ok()?)
    }
}

/// Calls `each` with every right of a review, line by line, and returns the rest of it.
fn each_right(path: &Path, each: &mut EachRight<'_>) -> Result<Map<String, Json>, Error> {
    let (mut rest, mut is_in_rights) = (String::new(), false);
    for line in BufReader::with_capacity(1 << 18, File::open(path)?).lines() {
        let line = line?;
        if line == RIGHTS {
            is_in_rights = true;
            rest.push_str(&line);
        } else if is_in_rights && line != END_OF_RIGHTS {
            let text = line.strip_suffix(',').unwrap_or(&line);
            let right = RightLine::read(text)?;
            match &right.last_used {
                None => each(text, &right)?,
                // Its use is no part of a right.
                Some(used) => {
                    let end = format!("{}}}", used_member(used.as_ref()));
                    let text = text.strip_suffix(&end).unwrap_or_default();
                    each(&format!("{text}}}"), &right)?;
                }
            }
        } else {
            is_in_rights = false;
            rest.push_str(&line);
        }
    }
    Ok(serde_json::from_str(&rest)?)
}
