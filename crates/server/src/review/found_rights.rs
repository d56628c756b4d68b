//! The rights that were found, in a file: there may be more than fit into memory.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Error, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use super::marks::Marks;
use super::right_line::RightLine;
use super::some_rights::SomeRights;
use peppol_authz_engine::OpenAction;
use peppol_authz_engine::text::hex;

/// Bytes that are read and written together.
const BUFFER: usize = 1 << 18;

/// Rights that are being found.
pub(super) struct FoundRights {
    to: BufWriter<File>,
    digest: Sha256,
    count: u64,
}

/// All rights, one a line as a JSON object.
#[derive(Debug)]
pub struct Rights {
    file: File,
    /// How many there are.
    pub count: u64,
    /// The SHA-256 of all lines.
    pub digest: String,
}

/// Called with a right, as a line and read.
pub(super) type EachRight<'a> = dyn FnMut(&str, &RightLine<'_>) -> Result<(), Error> + 'a;

impl FoundRights {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            to: BufWriter::with_capacity(BUFFER, tempfile::tempfile()?),
            digest: Sha256::new(),
            count: 0,
        })
    }

    pub(super) fn add(&mut self, some: &SomeRights) -> Result<(), Error> {
        self.digest.update(&some.lines);
        self.count += some.count;
        self.to.write_all(some.lines.as_bytes())
    }

    /// Adds one that is written already.
    pub(super) fn add_line(&mut self, line: &str) -> Result<(), Error> {
        self.digest.update(line);
        self.digest.update("\n");
        self.count += 1;
        self.to.write_all(line.as_bytes())?;
        self.to.write_all(b"\n")
    }

    /// All of them.
    pub(super) fn end(self) -> Result<Rights, Error> {
        Ok(Rights {
            file: self.to.into_inner().map_err(|error| error.into_error())?,
            count: self.count,
            digest: hex(&self.digest.finalize(), 32),
        })
    }
}

impl Rights {
    /// Calls `each` with every line.
    pub(super) fn each_line(
        &self,
        each: &mut dyn FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut lines = BufReader::with_capacity(BUFFER, file);
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            each(line.trim_end_matches('\n'))?;
            line.clear();
        }
        Ok(())
    }

    /// Calls `each` with every right, as a line and read.
    pub(super) fn each(&self, each: &mut EachRight<'_>) -> Result<(), Error> {
        self.each_line(&mut |line| each(line, &RightLine::read(line)?))
    }

    /// Those in marked places.
    pub(super) fn marked(&self, marks: &Marks) -> Result<Self, Error> {
        let (mut found, mut place) = (FoundRights::new()?, 0);
        if !marks.is_empty() {
            self.each_line(&mut |line| {
                let is_marked = marks.contains(place);
                place += 1;
                if is_marked {
                    found.add_line(line)
                } else {
                    Ok(())
                }
            })?;
        }
        found.end()
    }
}

/// The members that an open action depends on, each with its type.
pub(super) fn members(open: &OpenAction) -> String {
    let members = open.members.iter();
    let members = members.map(|(name, ty)| format!("{name}: {ty}"));
    members.collect::<Vec<_>>().join(", ")
}

/// How an open action was reviewed.
pub(super) fn reviewed(open: &OpenAction) -> &'static str {
    match open.required {
        true => "not at all",
        false => "without these members",
    }
}
