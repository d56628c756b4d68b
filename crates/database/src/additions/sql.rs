//! Texts of SQL as statements and words, with their places. It is enough of the grammar to tell
//! where a statement ends, in SQLite and in PostgreSQL.

/// A word, a quoted text or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// Where it begins in the text, in bytes.
    pub(crate) at: usize,
    pub(crate) text: &'a str,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    /// Where it begins in the text, in bytes.
    pub(crate) at: usize,
    /// Without the semicolon.
    pub(crate) text: &'a str,
    pub(crate) words: Vec<Word<'a>>,
}

impl Word<'_> {
    /// Returns true if it is that word, without quotes.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The name that it stands for; `None` for a sign, a number or a text.
    pub(crate) fn name(&self) -> Option<String> {
        let first = self.text.chars().next()?;
        if first == '"' {
            let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
            return Some(inner.replace("\"\"", "\""));
        }
        (first.is_alphabetic() || first == '_').then(|| self.text.to_owned())
    }
}

/// The statements of a text.
pub(crate) fn statements(sql: &str) -> Vec<Statement<'_>> {
    let (mut statements, mut words): (_, Vec<Word<'_>>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let is_escaping = words
            .last()
            .is_some_and(|word| word.end() == at && word.is("e"));
        let (length, is_word) = token(rest, is_escaping);
        let text = rest.get(..length).unwrap_or(rest);
        if is_word && text == ";" && !is_in_body(&words) {
            statements.extend(statement(sql, std::mem::take(&mut words)));
        } else if is_word {
            words.push(Word { at, text });
        }
        at += text.len();
    }
    statements.extend(statement(sql, words));
    statements
}

fn statement<'a>(sql: &'a str, words: Vec<Word<'a>>) -> Option<Statement<'a>> {
    let (first, last) = (words.first()?, words.last()?);
    Some(Statement {
        at: first.at,
        text: sql.get(first.at..last.end())?,
        words,
    })
}

/// Returns true if a statement that has begun so goes on behind a semicolon: the body of a trigger of
/// SQLite, or of a function that is BEGIN ATOMIC.
fn is_in_body(words: &[Word<'_>]) -> bool {
    let mut head = words.iter().take(4);
    let is_trigger = head.any(|word| word.is("trigger"));
    let has_body = words.first().is_some_and(|word| word.is("create"))
        && words
            .iter()
            .any(|word| word.is("atomic") || is_trigger && word.is("begin"));
    let is_ended = match words {
        [.., before, last] => before.text == ";" && last.is("end"),
        _ => false,
    };
    has_body && !is_ended
}

/// The length of what a text begins with; false if it is a blank or a comment.
fn token(text: &str, is_escaping: bool) -> (usize, bool) {
    let Some(first) = text.chars().next() else {
        return (0, false);
    };
    let until = |end: &str| text.find(end).map_or(text.len(), |at| at + end.len());
    match first {
        first if first.is_whitespace() => (first.len_utf8(), false),
        '-' if text.starts_with("--") => (until("\n"), false),
        '/' if text.starts_with("/*") => (until("*/"), false),
        '\'' | '"' | '`' => (quoted(text, first, is_escaping && first == '\''), true),
        '$' => (dollar_quoted(text).unwrap_or(1), true),
        first if is_of_word(first) => {
            let end = text.find(|c| !is_of_word(c) && c != '$');
            (end.unwrap_or(text.len()), true)
        }
        first => (first.len_utf8(), true),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The length of a text in quotes; one that is doubled is inside.
fn quoted(text: &str, quote: char, is_escaping: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && is_escaping || c == quote && chars.next_if(|(_, c)| *c == quote).is_some() {
            if c == '\\' {
                chars.next();
            }
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The length of a text between two `$…$`, if it begins with one.
fn dollar_quoted(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('$')?;
    let tag = inner.get(..inner.find('$')?)?;
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(is_of_word) {
        return None;
    }
    let mark = format!("${tag}$");
    let behind = text.get(mark.len()..)?;
    let end = behind.find(&mark).map(|at| at + 2 * mark.len());
    Some(end.unwrap_or(text.len()))
}

/// The first word of a statement that begins or ends a transaction, or cannot be in one.
pub(crate) fn control<'a>(statement: &Statement<'a>) -> Option<Word<'a>> {
    const CONTROL: [&str; 12] = [
        "abort",
        "attach",
        "begin",
        "commit",
        "detach",
        "end",
        "pragma",
        "release",
        "rollback",
        "savepoint",
        "start",
        "vacuum",
    ];
    let first = *statement.words.first()?;
    let second = statement.words.get(1);
    let is_prepared = first.is("prepare") && second.is_some_and(|second| second.is("transaction"));
    (is_prepared || CONTROL.iter().any(|word| first.is(word))).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        statements(sql).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_of_all_else() {
        assert_eq!(
            texts("-- a;\nSELECT 'a;''b';\n/* ; */ SELECT \"x;y\" ;; SELECT E'\\';' , $a$;$$;$a$"),
            [
                "SELECT 'a;''b'",
                "SELECT \"x;y\"",
                "SELECT E'\\';' , $a$;$$;$a$"
            ]
        );
        assert_eq!(texts(" -- nothing\n"), Vec::<&str>::new());
        assert_eq!(texts("SELECT 'open; SELECT 1").len(), 1);
    }

    #[test]
    fn the_body_of_a_trigger_is_part_of_it() {
        let sql = "CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1; END;
            CREATE TRIGGER c AFTER INSERT ON d FOR EACH ROW EXECUTE FUNCTION e(); SELECT 2";
        let found = texts(sql);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].ends_with("SELECT 1; END"), "{found:?}");
    }

    #[test]
    fn what_ends_a_transaction_is_found() {
        let first = |sql: &str| {
            let all = statements(sql);
            all.iter().find_map(control).map(|word| word.at)
        };
        assert_eq!(first("SELECT 1; Commit"), Some(10));
        assert_eq!(first("PREPARE TRANSACTION 'a'"), Some(0));
        assert_eq!(first("/* a */ PRAGMA user_version = 1"), Some(8));
        assert_eq!(first("SELECT 'x; COMMIT'; PREPARE a AS SELECT 1"), None);
    }
}
