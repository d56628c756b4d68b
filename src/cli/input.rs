//! Files that arguments name; `-` is standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use serde_json::{Value as Json, json};

use peppol_authz_engine::file::{LONGEST_TEXT, read_stream};
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::text::without_mark;

/// Opens a file.
pub(super) fn open(path: &Path) -> std::io::Result<Box<dyn BufRead + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(stdin())));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    open(path)
        .and_then(|file| read_stream(file, LONGEST_TEXT))
        .map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Reads a question or a search from a file.
pub(super) fn question_in(path: &Path, depth: usize) -> Result<Json, String> {
    let text = read(path)?;
    let parsed = parse_json(without_mark(&text), depth);
    parsed.map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Reads a context from the command line.
pub(super) fn context(text: Option<&str>, depth: usize) -> Result<Json, String> {
    match text {
        Some(text) => {
            parse_json(text.as_bytes(), depth).map_err(|error| format!("`--context`: {error}"))
        }
        None => Ok(json!({})),
    }
}
