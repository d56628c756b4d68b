//! Names of members that could be meant for another name.
//!
//! A member that is passed over could be one that a policy would have read, in a spelling that a
//! service behind takes for the same. So before one is passed over it is asked what it could mean.

/// Returns true if a name is another one in other case or with other separators, as `legal_entity`
/// for `legalEntity`, and nothing else than that.
pub(super) fn means(written: &str, name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    written.bytes().all(is_plain) && could_mean(written, name)
}

/// Returns true if somebody could take one name for the other: who ignores case, width, marks,
/// separators, blanks, brackets and what cannot be seen.
#[must_use]
pub fn could_mean(written: &str, name: &str) -> bool {
    essence(written).eq(essence(name))
}

/// The letters and digits of a name, as those compare them who ignore case and width.
fn essence(name: &str) -> impl Iterator<Item = char> {
    let letters = name.chars().map(narrow).filter(|c| c.is_alphanumeric());
    letters
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// A character of full width, as ASCII has it.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_are_no_other_name() {
        for written in [
            "memberRole",
            "MemberRole",
            "MEMBERROLE",
            "member_role",
            "Member-Role",
            "_memberRole",
        ] {
            assert!(means(written, "memberRole"), "{written}");
        }
        for written in [
            "member role",
            "memberRoles",
            "role",
            "memberRole2",
            "mem\u{a0}berRole",
        ] {
            assert!(!means(written, "memberRole"), "{written}");
        }
    }

    #[test]
    fn what_others_ignore_could_be_meant() {
        for written in [
            " user",
            "user ",
            "us\u{200b}er",
            "\u{ff55}ser",
            "u\u{17f}er",
            "user[]",
            "user.",
            "\u{feff}user",
            "use\u{301}r",
            "U S E R",
            "$user",
        ] {
            assert!(could_mean(written, "user"), "{written}");
            assert!(!means(written, "user"), "{written}");
        }
        assert!(could_mean("to\u{212a}en", "token"));
        for written in ["", "users", "user2", "time", "\u{443}ser"] {
            assert!(!could_mean(written, "user"), "{written}");
        }
    }
}
