//! The difference from an earlier review.
//!
//! Neither review has to fit into memory, and nothing is expected of their order: an earlier program may have had another.
//! Both are cut into parts by what their rights allow, and compared part by part (`keyed_rights`).

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read};
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::found_rights::{FoundRights, Rights};
use super::keyed_rights::{KeyedRights, ObligationSets, parts};
use super::marks::Marks;
use super::right_line::{END_OF_RIGHTS, NARROWER, RIGHTS, RightLine, WIDER, used_member};

/// The most bytes of a review beside its rights.
const HEAD: usize = 1 << 20;

/// The most bytes of a line.
const LINE: u64 = 16 << 20;

/// Letters of another scope that are told.
const LETTERS: usize = 300;

const NO_REVIEW: &str = "it is no review as `review --format json` writes it";

/// An earlier review in JSON.
#[derive(Debug)]
pub struct Since {
    name: String,
    head: Map<String, Json>,
    /// Its rights, without their uses.
    rights: Rights,
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
        let name = format!("`{}`", path.display());
        let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
        Self::read(&name, file)
    }

    /// Reads a review, which is called so in errors.
    ///
    /// # Errors
    /// The same.
    pub fn read(name: &str, from: impl Read) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{name}: {problem}");
        let (head, rights) = read(from).map_err(|error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                wrong(&format!("{NO_REVIEW} ({error})"))
            }
            _ => wrong(&error.to_string()),
        })?;
        if head.get("digest").and_then(Json::as_str) != Some(&rights.digest) {
            return Err(wrong(&format!("{NO_REVIEW}, or was changed since")));
        }
        Ok(Self {
            name: name.to_owned(),
            head,
            rights,
        })
    }

    /// Checks that it is of that scope.
    ///
    /// # Errors
    /// Another one: what is beyond it would look new.
    pub fn is_of(&self, scope: &Json) -> Result<(), String> {
        match self.head.get("scope") {
            Some(before) if before == scope => Ok(()),
            before => {
                let before = before.unwrap_or(&Json::Null).to_string();
                let told: String = before.chars().take(LETTERS).collect();
                Err(format!(
                    "{} is a review of another scope: {told}, and this is one of {scope}",
                    self.name
                ))
            }
        }
    }

    /// Compares it with a later one.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn compare(self, now: &Rights) -> Result<Differences, Error> {
        let parts = parts(now.count.max(self.rights.count));
        self.compare_in(now, parts)
    }

    fn compare_in(self, now: &Rights, parts: u64) -> Result<Differences, Error> {
        let mut sets = ObligationSets::default();
        let mut earlier = KeyedRights::of(&self.rights, parts, &mut sets)?;
        let mut later = KeyedRights::of(now, parts, &mut sets)?;
        let mut narrower = Marks::of(self.rights.count);
        let mut wider = Marks::of(now.count);
        for part in 0..usize::try_from(parts).unwrap_or_default() {
            let mut known = earlier.part(part)?;
            later.each(part, &mut |right| {
                let before = known.remove(&right.key);
                let has = |one, other| sets.covers(one, other);
                match before {
                    Some(before) => {
                        if !has(right.obligations, before.obligations) {
                            wider.mark(right.place);
                        }
                        if !has(before.obligations, right.obligations) {
                            narrower.mark(before.place);
                        }
                    }
                    None => wider.mark(right.place),
                }
            })?;
            known.values().for_each(|gone| narrower.mark(gone.place));
        }
        let text = |member: &str| {
            let text = self.head.get(member).and_then(Json::as_str);
            text.unwrap_or_default().to_owned()
        };
        Ok(Differences {
            tenancy_revision: text("tenancyRevision"),
            policy_revision: text("policyRevision"),
            wider: now.marked(&wider)?,
            narrower: self.rights.marked(&narrower)?,
        })
    }
}

/// The parts of a review that follow each other in its file.
enum Section {
    Head,
    Rights,
    /// The differences from one before it: they are no rights of it.
    Differences,
}

/// Reads a review line by line: what stands beside its rights, and these.
fn read(from: impl Read) -> Result<(Map<String, Json>, Rights), Error> {
    let mut from = BufReader::with_capacity(1 << 18, from);
    let (mut head, mut section) = (String::new(), Section::Head);
    let mut found = FoundRights::new()?;
    let mut line = String::new();
    let too_long = |what: &str| Error::new(ErrorKind::InvalidData, format!("{what} is too long"));
    loop {
        line.clear();
        if from.by_ref().take(LINE).read_line(&mut line)? == 0 {
            return Ok((serde_json::from_str(&head)?, found.end()?));
        }
        let text = match line.strip_suffix('\n') {
            Some(text) => text.strip_suffix('\r').unwrap_or(text),
            None if line.len() as u64 == LINE => return Err(too_long("a line")),
            None => &line,
        };
        match section {
            Section::Rights if text != END_OF_RIGHTS => add(text, &mut found)?,
            Section::Differences if text != END_OF_RIGHTS => {}
            _ => {
                section = match text {
                    RIGHTS => Section::Rights,
                    WIDER | NARROWER => Section::Differences,
                    _ => Section::Head,
                };
                if head.len() + text.len() > HEAD {
                    return Err(too_long("what stands beside the rights"));
                }
                head.push_str(text);
            }
        }
    }
}

/// Adds a right as it stands in a line. Its use is no part of it.
fn add(line: &str, to: &mut FoundRights) -> Result<(), Error> {
    let text = line.strip_suffix(',').unwrap_or(line);
    match &RightLine::read(text)?.last_used {
        None => to.add_line(text),
        Some(used) => {
            let end = format!("{}}}", used_member(used.as_ref()));
            let text = text.strip_suffix(&end).unwrap_or_default();
            to.add_line(&format!("{text}}}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(principal: u32, obligations: &str) -> String {
        format!(
            "{{\"principal\":\"User::\\\"{principal}\\\"\",\"action\":\"Action::\\\"see\\\"\",\"context\":{{}},\
             \"resource\":\"Desk::\\\"1\\\"\",\"policies\":[],\"rules\":[],\"obligations\":[{obligations}],\"values\":[]}}"
        )
    }

    fn rights(lines: &[String]) -> Rights {
        let mut found = FoundRights::new().unwrap();
        lines.iter().for_each(|line| found.add_line(line).unwrap());
        found.end().unwrap()
    }

    fn review(lines: &[String], before: &str) -> String {
        let digest = rights(lines).digest;
        let lines = lines.join(",\n");
        format!(
            "{{\n\"scope\": {{}},\n{before}{RIGHTS}\n{lines}\n{END_OF_RIGHTS}\n\"count\": 0,\n\"digest\": \"{digest}\"\n}}\n"
        )
    }

    fn principals(rights: &Rights) -> Vec<String> {
        let mut found = Vec::new();
        rights
            .each(&mut |_, right| {
                found.push(right.principal.to_string());
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn reviews_in_any_order_and_in_any_number_of_parts_are_compared() {
        let before: Vec<String> = (0..300).rev().map(|it| line(it, "\"A\"")).collect();
        let now: Vec<String> = (10..400)
            .map(|it| match it {
                20 => line(it, ""),
                21 => line(it, "\"A\",\"B\""),
                22 => line(it, "\"B\""),
                _ => line(it, "\"A\""),
            })
            .collect();
        let (text, now) = (review(&before, ""), rights(&now));
        let user = |it: u32| format!("User::\"{it}\"");
        let wider: Vec<String> = [20, 22].into_iter().chain(300..400).map(user).collect();
        let narrower: Vec<String> = [22, 21]
            .into_iter()
            .chain((0..10).rev())
            .map(user)
            .collect();
        for parts in [1, 7] {
            let since = Since::read("it", text.as_bytes()).unwrap();
            let found = since.compare_in(&now, parts).unwrap();
            assert_eq!(principals(&found.wider), wider, "{parts}");
            assert_eq!(principals(&found.narrower), narrower, "{parts}");
        }
    }

    #[test]
    fn the_differences_and_the_line_ends_of_an_earlier_review_are_no_rights_of_it() {
        let lines = [line(1, ""), line(2, "")];
        let other = line(3, "");
        let before = format!("{WIDER}\n{other}\n{END_OF_RIGHTS}\n{NARROWER}\n{END_OF_RIGHTS}\n");
        for text in [
            review(&lines, &before),
            review(&lines, "").replace('\n', "\r\n"),
        ] {
            let since = Since::read("it", text.as_bytes()).unwrap();
            assert_eq!(principals(&since.rights), ["User::\"1\"", "User::\"2\""]);
        }
    }

    #[test]
    fn what_is_no_review_or_is_too_long_is_told() {
        let long = "x".repeat(HEAD + 1);
        let whole = review(&[line(1, "")], "");
        for (text, told) in [
            (String::new(), "EOF"),
            ("{}".to_owned(), "no review"),
            (long, "beside the rights is too long"),
            (whole.replace("User", "Uses"), "changed since"),
            (whole.replace("\"policies\"", "\"polices\""), "policies"),
        ] {
            let refused = Since::read("it", text.as_bytes()).unwrap_err();
            assert!(
                refused.starts_with("it: ") && refused.contains(told),
                "{refused}"
            );
        }
        let line = std::io::repeat(b' ');
        let refused = Since::read("it", line).unwrap_err();
        assert!(refused.contains("a line is too long"), "{refused}");
    }
}
