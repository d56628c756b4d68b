//! The name that was probably meant. Every message that says "did you mean" asks here.

/// A longer name is no slip of somebody's fingers, and costs more to compare.
const LONGEST: usize = 128;

/// The known name that is nearest to the one that was written, if it is near enough to be meant: the
/// same in other case, with other separators or without its namespace, or with a few letters else.
/// Digits are not guessed: `USR-9` is nobody's slip for `USR-1`.
#[must_use]
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = SpeltName::of(written)?;
    let near = known
        .into_iter()
        .filter_map(|name| Some((wanted.distance(&SpeltName::of(name)?)?, name)));
    near.min().map(|(_, name)| name)
}

/// The end of a message about a name that is not known: empty, or `` ; did you mean `name`? ``.
#[must_use]
pub fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match nearest(written, known) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The letters and digits of a name, part by part: those of its namespace or of the section of a
/// setting come first.
struct SpeltName {
    parts: Vec<Vec<char>>,
}

impl SpeltName {
    /// `None` for a name that is not compared.
    fn of(name: &str) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        let parts = name.split([':', '.']).map(letters);
        let parts: Vec<_> = parts.filter(|letters| !letters.is_empty()).collect();
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// How far the other one is; `None` if it is too far to be meant. Parts that only one of them
    /// has in front do not count.
    fn distance(&self, other: &Self) -> Option<usize> {
        let most = self.parts.len().min(other.parts.len());
        distance(&self.last(most), &other.last(most))
    }

    fn last(&self, parts: usize) -> Vec<char> {
        let skipped = self.parts.len().saturating_sub(parts);
        self.parts.iter().skip(skipped).flatten().copied().collect()
    }
}

fn letters(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Letters that are added, left out, others or swapped with their neighbours; `None` if these are
/// more than one of three, or more than three.
fn distance(a: &[char], b: &[char]) -> Option<usize> {
    let most = (a.len() / 3).min(3);
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    // The rows of the table for the letters of `a`: two before, one before, this one.
    let mut earlier: Vec<usize> = Vec::new();
    let mut before = vec![0];
    before.extend(b.iter().scan(0, |sum, y| {
        *sum += cost(*y);
        Some(*sum)
    }));
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![a.iter().take(i + 1).copied().map(cost).sum()];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let other = if x == y { 0 } else { cost(x).max(cost(y)) };
            let mut least = (at(&before, j) + other)
                .min(at(&before, j + 1) + cost(x))
                .min(at(&row, j) + cost(y));
            let swapped = i.checked_sub(1).zip(j.checked_sub(1));
            if let Some((i, j)) = swapped
                && a.get(i) == Some(&y)
                && b.get(j) == Some(&x)
            {
                least = least.min(at(&earlier, j) + cost(x).max(cost(y)));
            }
            row.push(least);
        }
        // Callers choose names: it should cost little to see that they are others.
        if row.iter().min() > Some(&most) {
            return None;
        }
        earlier = std::mem::replace(&mut before, row);
    }
    before.last().copied().filter(|distance| *distance <= most)
}

/// A digit more, less or else is another name.
fn cost(c: char) -> usize {
    if c.is_numeric() { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 10] = [
        "Peppol::User",
        "Peppol::User::\"x\"",
        "Peppol::Organisation",
        "Peppol::SubAccount",
        "getOrganisation",
        "participantLimit",
        "requestedMode",
        "server.workers",
        "USR-1",
        "SHARED",
    ];

    #[test]
    fn a_slip_is_seen() {
        for (written, meant) in [
            ("User", "Peppol::User"),
            ("user", "Peppol::User"),
            ("Pepol::User", "Peppol::User"),
            ("Peppol::Usr", "Peppol::User"),
            ("Organization", "Peppol::Organisation"),
            ("sub_account", "Peppol::SubAccount"),
            ("get_organisation", "getOrganisation"),
            ("getOrganisaton", "getOrganisation"),
            ("gteOrganisation", "getOrganisation"),
            ("participantLimt", "participantLimit"),
            ("requestMode", "requestedMode"),
            ("server.wokers", "server.workers"),
            ("workers", "server.workers"),
            ("User::\"x\"", "Peppol::User::\"x\""),
            ("usr1", "USR-1"),
            ("URS-1", "USR-1"),
            ("shard", "SHARED"),
        ] {
            assert_eq!(nearest(written, KNOWN), Some(meant), "{written}");
        }
        let near = did_you_mean("User", KNOWN);
        assert_eq!(near, "; did you mean `Peppol::User`?");
    }

    #[test]
    fn nothing_is_guessed() {
        let long = "participantLimit".repeat(20);
        for written in ["", "::", "q", "ab", "fly", "USR-9", "USR-12", "name", &long] {
            assert_eq!(nearest(written, KNOWN), None, "{written}");
            assert_eq!(did_you_mean(written, KNOWN), "");
        }
    }

    #[test]
    fn the_nearest_of_several_is_meant() {
        let known = ["sendDocuments", "sendDocument", "viewDocument"];
        assert_eq!(nearest("sendDocumet", known), Some("sendDocument"));
        assert_eq!(nearest("SENDDOCUMENT", known), Some("sendDocument"));
    }
}
