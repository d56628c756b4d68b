//! The signs that a query gathers rows: that a row of its result may be of rows of others than its own.

use std::collections::BTreeMap;

/// Words that gather rows wherever they are: they make one row of many, let one hide another, or give rows a name
/// by which they are read again.
const WORDS: [&str; 11] = [
    "except",
    "group",
    "having",
    "intersect",
    "limit",
    "offset",
    "over",
    "recursive",
    "union",
    "window",
    "with",
];

/// Functions of many rows.
const AGGREGATES: [&str; 20] = [
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "group_concat",
    "json_agg",
    "json_group_array",
    "json_group_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_object_agg",
    "median",
    "percentile",
    "string_agg",
    "sum",
    "total",
];

/// The signs in the words of a query, and how often each is there. Rather too many: a column may be called so.
pub(crate) fn gathering(words: &[&str]) -> BTreeMap<String, usize> {
    let mut signs = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let word = word.to_ascii_lowercase();
        let behind = words.get(at + 1..).unwrap_or_default();
        let is_called = behind.first() == Some(&"(");
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let is_sign = match word.as_str() {
            // `IS DISTINCT FROM` compares.
            "distinct" => !before.is_some_and(|before| is_any(before, &["is", "not"])),
            // Of several values they are the function of one row.
            "min" | "max" => is_called && has_one_argument(behind),
            word => is_any(word, &WORDS) || is_called && is_any(word, &AGGREGATES),
        };
        if is_sign {
            *signs.entry(word).or_default() += 1;
        }
    }
    signs
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// Returns true if there is no comma within the brackets that the words begin with.
fn has_one_argument(words: &[&str]) -> bool {
    let mut depth = 0_usize;
    for word in words {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 1 => return false,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{SqlDialect, words};

    fn signs(sql: &str) -> Vec<String> {
        let words = words(sql, SqlDialect::Sqlite);
        let words: Vec<&str> = words.iter().map(|word| word.text).collect();
        gathering(&words).into_keys().collect()
    }

    #[test]
    fn what_makes_one_row_of_many_is_a_sign() {
        for (sql, found) in [
            ("SELECT Max(a) FROM b", "max"),
            ("SELECT min ( f(a, b) ) FROM b", "min"),
            ("SELECT COUNT(*) FROM b", "count"),
            ("SELECT DISTINCT a FROM b", "distinct"),
            ("With a AS (SELECT 1) SELECT * FROM a", "with"),
            ("SELECT a FROM b UNION ALL SELECT c FROM d", "union"),
            ("SELECT first_value(a) OVER w FROM b", "over"),
        ] {
            assert_eq!(signs(sql), [found], "{sql}");
        }
    }

    #[test]
    fn what_reads_one_row_is_none() {
        for sql in [
            "SELECT max(a, b), min(a, f(b)), coalesce(a, b) FROM c",
            "SELECT a IS NOT DISTINCT FROM b, count, total FROM c",
            "SELECT 'union', \"limit\", [with] FROM c",
        ] {
            assert_eq!(signs(sql), Vec::<String>::new(), "{sql}");
        }
    }
}
