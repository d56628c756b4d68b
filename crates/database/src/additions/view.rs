//! The views of `views.sql`.

use std::sync::Arc;

use crate::sql::{SqlDialect, SqlStatement, Word, statements};
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};

/// A view.
#[derive(Clone, Debug)]
pub(crate) struct AddedView {
    pub(crate) name: String,
    /// The statement that makes it.
    pub(crate) sql: String,
    /// Where it begins in its file, in bytes.
    pub(crate) at: usize,
    /// The names of its columns, with their places; `None` where they cannot be told from its text.
    pub(crate) columns: Option<Vec<(String, usize)>>,
}

/// The views of a file.
///
/// # Errors
/// Statements that are none, or make a view that another has made.
pub(super) fn views(
    file: &Arc<SourceFile>,
    dialect: SqlDialect,
) -> Result<Vec<AddedView>, Vec<Fault>> {
    let (mut views, mut faults): (Vec<AddedView>, _) = (Vec::new(), Vec::new());
    for statement in statements(&file.text, dialect) {
        let fault = match view(&statement, dialect) {
            Ok(view) if views.iter().any(|other| other.name == view.name) => {
                format!("the view `{}` is made twice", view.name)
            }
            Ok(view) => {
                views.push(view);
                continue;
            }
            Err(problem) => problem.to_owned(),
        };
        let length = statement.words.first().map_or(0, |word| word.text.len());
        faults.push(Fault::new(file, Severity::Invalid, fault).at(statement.at, length));
    }
    match faults.is_empty() {
        true => Ok(views),
        false => Err(faults),
    }
}

const ONLY_VIEWS: &str =
    "only `CREATE VIEW` can be here: they are made anew, and all else is a migration";

fn view(statement: &SqlStatement<'_>, dialect: SqlDialect) -> Result<AddedView, &'static str> {
    let (replaces, words) = match statement.words.as_slice() {
        [create, or, replace, words @ ..]
            if create.is("create") && or.is("or") && replace.is("replace") =>
        {
            (true, words)
        }
        [create, words @ ..] if create.is("create") => (false, words),
        _ => (false, &[][..]),
    };
    let [of, name, rest @ ..] = words else {
        return Err(ONLY_VIEWS);
    };
    if !of.is("view") {
        return Err(ONLY_VIEWS);
    }
    if replaces && dialect == SqlDialect::Sqlite {
        return Err("SQLite has no `CREATE OR REPLACE VIEW`: write `CREATE VIEW`");
    }
    let name = name.name().ok_or("the name of a view is wanted")?;
    match rest.first() {
        Some(next) if next.text == "." => Err("a view is named without its schema"),
        Some(next) if next.is("as") || next.text == "(" => Ok(AddedView {
            name,
            sql: statement.text.to_owned(),
            at: statement.at,
            columns: columns(rest),
        }),
        _ => Err("`AS` is wanted behind the name of a view"),
    }
}

/// The columns, from the words behind the name.
fn columns(words: &[Word<'_>]) -> Option<Vec<(String, usize)>> {
    let mut words = match words {
        [open, rest @ ..] if open.text == "(" => {
            let listed = rest.split(|word| word.text == ")").next()?;
            let names = listed.split(|word| word.text == ",");
            return names.map(column).collect();
        }
        [_as, select, rest @ ..] if select.is("select") => rest,
        _ => return None,
    };
    if let [first, rest @ ..] = words
        && (first.is("distinct") || first.is("all"))
    {
        words = rest;
    }
    let (mut depth, mut items) = (0_i32, vec![Vec::new()]);
    for word in words {
        match word.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 && word.is("from") {
            break;
        }
        if depth == 0 && word.text == "," {
            items.push(Vec::new());
        } else if let Some(item) = items.last_mut() {
            item.push(*word);
        }
    }
    items.iter().map(|item| column(item)).collect()
}

/// The name of a column: its own, or that behind `AS`.
fn column(words: &[Word<'_>]) -> Option<(String, usize)> {
    let named = match words {
        [name] => name,
        [_, dot, name] if dot.text == "." => name,
        [.., before, name] if before.is("as") => name,
        _ => return None,
    };
    Some((named.name()?, named.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<AddedView>, String> {
        of_dialect(text, SqlDialect::Postgres)
    }

    fn of_dialect(text: &str, dialect: SqlDialect) -> Result<Vec<AddedView>, String> {
        let file = SourceFile {
            name: "views.sql".to_owned(),
            path: None,
            text: text.to_owned(),
        };
        views(&Arc::new(file), dialect).map_err(|faults| faults[0].to_string())
    }

    fn columns_of(text: &str) -> Option<Vec<String>> {
        let columns = of(text).unwrap()[0].columns.clone()?;
        Some(columns.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn the_columns_of_a_view_are_those_of_its_text() {
        let view = "CREATE VIEW \"A::B\" AS SELECT id, a.x, f(1, 2) AS \"cD\", (SELECT z FROM y) AS e FROM t;";
        assert_eq!(columns_of(view).unwrap(), ["id", "x", "cD", "e"]);
        assert_eq!(
            columns_of("CREATE VIEW a (x, \"y\") AS VALUES (1, 2)").unwrap(),
            ["x", "y"]
        );
        assert_eq!(columns_of("CREATE VIEW a AS SELECT * FROM b"), None);
        assert_eq!(columns_of("CREATE VIEW a AS SELECT x::text FROM b"), None);
        assert_eq!(
            columns_of("CREATE VIEW a AS WITH x AS (SELECT 1) SELECT 1"),
            None
        );
    }

    #[test]
    fn a_view_that_replaces_is_one_where_there_are_such() {
        let text = "Create Or Replace View \"A::B\" AS SELECT id FROM t";
        assert_eq!(columns_of(text).unwrap(), ["id"]);
        let refused = of_dialect(text, SqlDialect::Sqlite).unwrap_err();
        assert!(refused.contains("SQLite has no"), "{refused}");
    }

    #[test]
    fn nothing_else_is_a_view() {
        for text in [
            "REPLACE VIEW a AS SELECT 1",
            "CREATE OR REPLACE TABLE a (id TEXT)",
            "DROP VIEW a",
            "CREATE TABLE a (id TEXT)",
            "CREATE VIEW a.b AS SELECT 1",
            "CREATE VIEW 'a' AS SELECT 1",
            "CREATE VIEW a AS SELECT 1; CREATE VIEW \"a\" AS SELECT 2",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
