//! Paths as a reader can paste them into a shell.

/// A path as a shell takes it for one word, and no option.
pub(super) fn for_a_shell(path: &str) -> String {
    let path = match path.starts_with('-') {
        true => format!("./{path}"),
        false => path.to_owned(),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match !path.is_empty() && path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::for_a_shell;

    #[test]
    fn a_shell_takes_a_path_for_one_word() {
        for (path, quoted) in [
            ("mine/of-acme_1.0", "mine/of-acme_1.0"),
            ("-x", "./-x"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME;`x`", "'$HOME;`x`'"),
            ("~", "'~'"),
        ] {
            assert_eq!(for_a_shell(path), quoted);
        }
    }
}
