//! The paths that the code of a file names. Read off its text, without a parser of Rust.

use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Code {
    /// Paths that the code names.
    pub(super) used: Vec<String>,
    /// Imports and re-exports: the path that a name stands for.
    pub(super) names: BTreeMap<String, String>,
}

impl Code {
    pub(super) fn read(text: &str, children: &[&str]) -> Self {
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split("//").next());
        let text = lines.collect::<Vec<_>>().join("\n");
        let is_ours = |path: &str| {
            let first = path.split("::").next().unwrap_or_default();
            matches!(first, "crate" | "super" | "self") || children.contains(&first)
        };
        let mut code = Self::default();
        let mut rest = String::new();
        for statement in text.split_inclusive(';') {
            let Some((before, tree)) = statement.split_once("use ").filter(|(before, tree)| {
                let visibility = before.rsplit(['\n', ';', '}']).next().unwrap_or_default();
                let visibility = visibility.trim();
                (visibility.is_empty() || visibility.starts_with("pub")) && tree.ends_with(';')
            }) else {
                rest.push_str(statement);
                continue;
            };
            let is_public = before
                .rsplit('\n')
                .next()
                .is_some_and(|it| it.contains("pub"));
            rest.push_str(before);
            let mut paths = Vec::new();
            expand("", tree.trim_end_matches(';'), &mut paths);
            for path in paths.iter().filter(|path| is_ours(path)) {
                let (path, name) = path.split_once(" as ").unwrap_or((path, last(path)));
                code.names.insert(name.to_owned(), path.to_owned());
                if !is_public {
                    code.used.push(path.to_owned());
                }
            }
        }
        let is_of_path = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ':');
        let rest = rest.replace("(in crate", "(in ");
        let paths = rest.split(|letter| !is_of_path(letter));
        let paths = paths.filter(|path| path.contains("::") && is_ours(path));
        code.used
            .extend(paths.map(|path| path.trim_end_matches(':').to_owned()));
        code
    }
}

/// Writes out the paths of `a::{b, c::{d, e}}`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let path = format!("{prefix}{tree}");
        paths.push(path.trim_end_matches("::self").to_owned());
        return;
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let mut depth = 0;
    let parts = inner.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    for part in parts.filter(|part| !part.trim().is_empty()) {
        expand(&format!("{prefix}{head}"), part, paths);
    }
}

pub(super) fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}
