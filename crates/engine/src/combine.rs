//! Conjunctions and disjunctions in their simplest form.

/// A part of a conjunction or disjunction.
pub(crate) enum Combined<T> {
    /// It changes nothing: `true` among parts that all have to hold.
    Neutral,
    /// It decides the whole: `false` among those.
    Decisive,
    /// It is of the same kind, and its own parts take its place.
    Same(Vec<T>),
    /// It stays.
    Other(T),
}

/// The parts that matter, in order; `None` where one of them decides the whole.
pub(crate) fn combined<T>(
    parts: impl IntoIterator<Item = T>,
    of: impl Fn(T) -> Combined<T>,
) -> Option<Vec<T>> {
    let mut kept = Vec::new();
    for part in parts {
        match of(part) {
            Combined::Neutral => {}
            Combined::Decisive => return None,
            Combined::Same(parts) => kept.extend(parts),
            Combined::Other(part) => kept.push(part),
        }
    }
    Some(kept)
}

/// The whole of some parts: `none` where there are none, and a part alone is itself.
pub(crate) fn whole<T>(mut parts: Vec<T>, none: T, many: impl FnOnce(Vec<T>) -> T) -> T {
    match parts.len() {
        0 => none,
        1 => parts.pop().unwrap_or(none),
        _ => many(parts),
    }
}

/// The same parts, each once.
pub(crate) fn distinct<T: PartialEq>(parts: Vec<T>) -> Vec<T> {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        if !kept.contains(&part) {
            kept.push(part);
        }
    }
    kept
}
