//! Tenancy documents out of a stream: one JSON object a line, an array of them,
//! or objects over several lines, told apart by nothing but their brackets.
//!
//! Memory is bounded by the largest document, never by the file.

use std::io::{BufRead, Error as IoError};

/// The largest document that is read.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// A stream of documents with the line on which each starts.
#[derive(Debug)]
pub struct Documents<R> {
    input: R,
    line: usize,
    read: u64,
    in_array: bool,
    started: bool,
}

/// Text that is not a sequence of documents.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The stream failed.
    #[error("{0}")]
    Io(#[from] IoError),
    /// The text is not JSON objects, or one of them is too large.
    #[error("{problem}")]
    Malformed {
        /// The line where the document starts.
        line: usize,
        /// The problem.
        problem: String,
    },
}

impl<R: BufRead> Documents<R> {
    /// Reads from a stream.
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: 1,
            read: 0,
            in_array: false,
            started: false,
        }
    }

    /// How many bytes have been read.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next document's line and text.
    ///
    /// # Errors
    /// A stream that fails or holds something else than objects.
    pub fn next_document(&mut self) -> Result<Option<(usize, Vec<u8>)>, DocumentError> {
        loop {
            let Some(byte) = self.next_byte()? else {
                if self.in_array {
                    return Err(self.malformed(self.line, "the array is not closed"));
                }
                return Ok(None);
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                // A byte order mark, once.
                0xEF | 0xBB | 0xBF if !self.started && !self.in_array => {}
                b'[' if !self.started => {
                    self.started = true;
                    self.in_array = true;
                }
                b',' if self.in_array => {}
                b']' if self.in_array => self.in_array = false,
                b'{' => {
                    self.started = true;
                    let line = self.line;
                    return Ok(Some((line, self.object(line)?)));
                }
                _ => {
                    let line = self.line;
                    return Err(self.malformed(line, "a JSON object is wanted"));
                }
            }
        }
    }

    /// The rest of an object whose opening bracket has been read.
    fn object(&mut self, line: usize) -> Result<Vec<u8>, DocumentError> {
        let mut text = vec![b'{'];
        let (mut depth, mut in_string, mut escaped) = (1_usize, false, false);
        while depth > 0 {
            let Some(byte) = self.next_byte()? else {
                return Err(self.malformed(line, "the object is not closed"));
            };
            text.push(byte);
            if text.len() > MAX_DOCUMENT {
                return Err(self.malformed(line, "the object is not closed, or larger than 1 MiB"));
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                // No string may hold one: without this, a quote that is missing
                // would turn the rest of the file inside out.
                b'\n' if in_string => return Err(self.malformed(line, "a string is not closed")),
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
        }
        Ok(text)
    }

    fn next_byte(&mut self) -> Result<Option<u8>, DocumentError> {
        let buffer = self.input.fill_buf()?;
        let Some(&byte) = buffer.first() else {
            return Ok(None);
        };
        self.input.consume(1);
        self.read += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        Ok(Some(byte))
    }

    fn malformed(&self, line: usize, problem: &str) -> DocumentError {
        DocumentError::Malformed {
            line,
            problem: problem.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, String)>, String> {
        let mut documents = Documents::new(text.as_bytes());
        let mut found = Vec::new();
        loop {
            match documents.next_document() {
                Ok(Some((line, text))) => found.push((line, String::from_utf8(text).unwrap())),
                Ok(None) => return Ok(found),
                Err(DocumentError::Malformed { line, problem }) => {
                    return Err(format!("{line}: {problem}"));
                }
                Err(other) => return Err(other.to_string()),
            }
        }
    }

    #[test]
    fn lines_arrays_and_objects_over_several_lines_are_read_alike() {
        let three = vec![
            (1, "{\"a\":1}".to_owned()),
            (2, "{\"b\":\"}\\\"\"}".to_owned()),
            (4, "{\n}".to_owned()),
        ];
        assert_eq!(
            read("{\"a\":1}\n{\"b\":\"}\\\"\"}\r\n\n{\n}\n").unwrap(),
            three
        );
        assert_eq!(
            read("[{\"a\":1},\n{\"b\":\"}\\\"\"}\n,\n{\n}]\n").unwrap(),
            three
        );
        assert_eq!(read("").unwrap(), vec![]);
        assert_eq!(read("\u{feff}[]").unwrap(), vec![]);
    }

    #[test]
    fn a_fault_names_the_line_where_its_document_starts() {
        assert_eq!(
            read("{}\n{\"a\":1\n{}\n").unwrap_err(),
            "2: the object is not closed"
        );
        assert_eq!(
            read("{}\n{\"a\n\":1}\n").unwrap_err(),
            "2: a string is not closed"
        );
        assert_eq!(
            read("{}\n\nnull").unwrap_err(),
            "3: a JSON object is wanted"
        );
        assert_eq!(read("[{}\n").unwrap_err(), "2: the array is not closed");
        let large = format!("{{}}\n{{\"a\":\"{}\"}}", "x".repeat(MAX_DOCUMENT));
        assert_eq!(
            read(&large).unwrap_err(),
            "2: the object is not closed, or larger than 1 MiB"
        );
    }
}
