//! Texts of SQL as statements and words, with their places. It is enough of the grammar to tell
//! where a statement ends, in SQLite and in PostgreSQL.

mod gathering;

pub(crate) use gathering::gathering;

/// The database whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqlDialect {
    Sqlite,
    Postgres,
}

impl SqlDialect {
    /// The name of the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A word, a quoted text or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// Where it begins in the text, in bytes.
    pub(crate) at: usize,
    pub(crate) text: &'a str,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlStatement<'a> {
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

    /// Where it ends in the text, in bytes.
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The name that it stands for; `None` for a sign, a number or a text.
    pub(crate) fn name(&self) -> Option<String> {
        let first = self.text.chars().next()?;
        let inner = |first: &str, last: &str| {
            let inner = self.text.strip_prefix(first)?.strip_suffix(last)?;
            Some(inner.replace(&format!("{last}{last}"), last))
        };
        match first {
            '"' => inner("\"", "\""),
            '`' => inner("`", "`"),
            '[' => inner("[", "]"),
            first => (first.is_alphabetic() || first == '_').then(|| self.text.to_owned()),
        }
    }

    /// In lower case, but for what is in quotes.
    pub(crate) fn folded(&self) -> String {
        match self.text.starts_with(['\'', '"', '`', '[']) {
            true => self.text.to_owned(),
            false => self.text.to_ascii_lowercase(),
        }
    }
}

/// The words of a text, without blanks and comments.
pub(crate) fn words(sql: &str, dialect: SqlDialect) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let is_escaping = words
            .last()
            .is_some_and(|word| word.end() == at && word.is("e"));
        let (length, is_word) = token(rest, dialect, is_escaping);
        let text = rest.get(..length).unwrap_or(rest);
        if is_word {
            words.push(Word { at, text });
        }
        at += text.len();
    }
    words
}

/// The statements of a text.
pub(crate) fn statements(sql: &str, dialect: SqlDialect) -> Vec<SqlStatement<'_>> {
    let (mut statements, mut begun): (_, Vec<Word<'_>>) = (Vec::new(), Vec::new());
    for word in words(sql, dialect) {
        if word.text == ";" && !is_in_body(&begun, dialect) {
            statements.extend(statement(sql, std::mem::take(&mut begun)));
        } else {
            begun.push(word);
        }
    }
    statements.extend(statement(sql, begun));
    statements
}

fn statement<'a>(sql: &'a str, words: Vec<Word<'a>>) -> Option<SqlStatement<'a>> {
    let (first, last) = (words.first()?, words.last()?);
    Some(SqlStatement {
        at: first.at,
        text: sql.get(first.at..last.end())?,
        words,
    })
}

/// Returns true if a statement that has begun so goes on behind a semicolon: a trigger of SQLite, or a
/// function or procedure of PostgreSQL that is BEGIN ATOMIC.
fn is_in_body(words: &[Word<'_>], dialect: SqlDialect) -> bool {
    let [create, head @ ..] = words else {
        return false;
    };
    let head = match head {
        [or, replace, head @ ..] if or.is("or") && replace.is("replace") => head,
        [temporary, head @ ..] if temporary.is("temp") || temporary.is("temporary") => head,
        head => head,
    };
    let is = |names: &[&str]| {
        let first = head.first();
        first.is_some_and(|first| names.iter().any(|name| first.is(name)))
    };
    let has_body = match dialect {
        SqlDialect::Sqlite => is(&["trigger"]),
        SqlDialect::Postgres => {
            let is_atomic = |pair: &[Word<'_>]| match pair {
                [begin, atomic] => begin.is("begin") && atomic.is("atomic"),
                _ => false,
            };
            is(&["function", "procedure"]) && words.windows(2).any(is_atomic)
        }
    };
    let is_ended = match words {
        [.., before, last] => before.text == ";" && last.is("end"),
        _ => false,
    };
    create.is("create") && has_body && !is_ended
}

/// The length of the first token of a text; false if it is a blank or a comment.
fn token(text: &str, dialect: SqlDialect, is_escaping: bool) -> (usize, bool) {
    let is_sqlite = dialect == SqlDialect::Sqlite;
    let Some(first) = text.chars().next() else {
        return (0, false);
    };
    match first {
        first if first.is_whitespace() => (first.len_utf8(), false),
        '-' if text.starts_with("--") => {
            let is_end = |c: char| c == '\n' || c == '\r' && !is_sqlite;
            (text.find(is_end).map_or(text.len(), |at| at + 1), false)
        }
        '/' if text.starts_with("/*") => (comment(text, !is_sqlite), false),
        '\'' | '"' => (
            quoted(text, first, is_escaping && first == '\'' && !is_sqlite),
            true,
        ),
        '`' if is_sqlite => (quoted(text, first, false), true),
        '[' if is_sqlite => (text.find(']').map_or(text.len(), |at| at + 1), true),
        '$' if !is_sqlite => (dollar_quoted(text).unwrap_or(1), true),
        first if is_of_word(first) || first == '$' => {
            let end = text.find(|c| !is_of_word(c) && c != '$');
            (end.unwrap_or(text.len()), true)
        }
        first => (first.len_utf8(), true),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The length of a comment, with others inside if they are counted.
fn comment(text: &str, has_inner: bool) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") && (has_inner || depth == 0) {
            (at, depth) = (at + 2, depth + 1);
        } else if rest.starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
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
pub(crate) fn control<'a>(statement: &SqlStatement<'a>) -> Option<Word<'a>> {
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

    const BOTH: [SqlDialect; 2] = [SqlDialect::Sqlite, SqlDialect::Postgres];

    fn texts(sql: &str, dialect: SqlDialect) -> Vec<&str> {
        let all = statements(sql, dialect).into_iter();
        all.map(|it| it.text).collect()
    }

    fn folded(sql: &str) -> Vec<String> {
        let all = words(sql, SqlDialect::Sqlite);
        all.iter().map(Word::folded).collect()
    }

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_of_all_else() {
        for dialect in BOTH {
            assert_eq!(
                texts("-- a;\nSELECT 'a;''b';\n/* ; */ SELECT \"x;y\" ;;", dialect),
                ["SELECT 'a;''b'", "SELECT \"x;y\""]
            );
            assert_eq!(texts(" -- nothing\n", dialect), Vec::<&str>::new());
            assert_eq!(texts("SELECT 'open; SELECT 1", dialect).len(), 1);
        }
        let sql =
            "SELECT E'\\';' , $a$;$$;$a$; SELECT 2 /* ; /* ; */ ; */; SELECT 3 -- ;\r; SELECT 4";
        let found = texts(sql, SqlDialect::Postgres);
        assert_eq!(found.len(), 4, "{found:?}");
        let sql = "SELECT [a;b]; SELECT `c;d`; SELECT 'e\\'; SELECT $f; SELECT 1 /* /* ; */";
        let found = texts(sql, SqlDialect::Sqlite);
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn a_body_is_part_of_its_statement() {
        let sql = "CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1; END;
            CREATE TEMP TRIGGER c AFTER INSERT ON d BEGIN SELECT 3; END; SELECT 2";
        let found = texts(sql, SqlDialect::Sqlite);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].ends_with("SELECT 1; END"), "{found:?}");
        let sql = "CREATE OR REPLACE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3";
        assert_eq!(texts(sql, SqlDialect::Postgres).len(), 2);
    }

    #[test]
    fn a_name_is_no_body() {
        for sql in [
            "CREATE TABLE atomic (id text); COMMIT",
            "CREATE TABLE begin (atomic text); COMMIT",
            "CREATE TABLE trigger (begin text); COMMIT",
            "CREATE FUNCTION atomic() RETURNS int AS $$ BEGIN ATOMIC $$; COMMIT",
            "CREATE TRIGGER begin AFTER INSERT ON atomic EXECUTE FUNCTION e(); COMMIT",
        ] {
            assert_eq!(texts(sql, SqlDialect::Postgres).len(), 2, "{sql}");
        }
    }

    #[test]
    fn what_ends_a_transaction_is_found() {
        let first = |sql: &str| {
            let all = statements(sql, SqlDialect::Postgres);
            all.iter().find_map(control).map(|word| word.at)
        };
        assert_eq!(first("SELECT 1; Commit"), Some(10));
        assert_eq!(first("PREPARE TRANSACTION 'a'"), Some(0));
        assert_eq!(first("/* a */ PRAGMA user_version = 1"), Some(8));
        assert_eq!(first("SELECT 'x; COMMIT'; PREPARE a AS SELECT 1"), None);
    }

    #[test]
    fn words_are_apart_from_blanks_comments_and_case() {
        let one = "CREATE TRIGGER a AFTER INSERT ON b -- it's\nBEGIN SELECT 'It''s', \"x y\"; END";
        let other = "create  trigger A after insert on B/* ' */begin select 'It''s',\"x y\";end";
        assert_eq!(folded(one), folded(other));
        assert_eq!(folded(one).len(), 14);
        assert_ne!(folded("SELECT 'a'"), folded("SELECT 'A'"));
        assert_eq!(folded("'a' WHEN 'b"), ["'a'", "when", "'b"]);
        assert_eq!(folded("[a b]x"), ["[a b]", "x"]);
        assert_eq!(folded("raise(ignore)"), ["raise", "(", "ignore", ")"]);
    }

    #[test]
    fn a_name_is_the_same_in_any_quotes() {
        for sql in ["a\"b", "\"a\"\"b\"", "[a\"b]", "`a\"b`"] {
            let all = words(sql, SqlDialect::Sqlite);
            let name = all.first().and_then(Word::name).unwrap();
            assert!(
                name == "a\"b" || sql == "a\"b" && name == "a",
                "{sql}: {name}"
            );
        }
        for sql in ["'a'", "1", ";", "`"] {
            let all = words(sql, SqlDialect::Postgres);
            assert_eq!(all.first().and_then(Word::name), None, "{sql}");
        }
    }
}
