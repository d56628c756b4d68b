//! Names that no two files of a directory have.

use std::collections::BTreeSet;
use std::path::Path;

/// A name for a file of a flat directory, made of its path: `sales/read.cedar` is `sales-read.cedar`.
pub(super) fn flat_name(path: &Path, ending: &str, taken: &mut BTreeSet<String>) -> String {
    let parts = path.with_extension("");
    let parts = parts.components().map(|part| {
        let part = part.as_os_str().to_string_lossy();
        let plain = |c: char| match c.is_alphanumeric() || "-_.".contains(c) {
            true => c,
            false => '-',
        };
        part.chars().map(plain).collect::<String>()
    });
    let stem = parts.collect::<Vec<_>>().join("-");
    let stem = stem.trim_matches(|c| c == '.' || c == '-');
    let stem = if stem.is_empty() { "policies" } else { stem };
    let mut name = format!("{stem}{ending}");
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{stem}-{number}{ending}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_have_one_name() {
        let mut taken = BTreeSet::new();
        let mut name = |path: &str| flat_name(Path::new(path), ".cedar", &mut taken);
        assert_eq!(name("a/b c.cedar"), "a-b-c.cedar");
        assert_eq!(name("a-b-c.cedar"), "a-b-c-2.cedar");
        assert_eq!(name(".cedar"), "cedar.cedar");
    }
}
