//! The report of members that nothing reads.

use peppol_authz_database::{Ignored, IgnoredMember};
use peppol_authz_engine::text::counted;

/// The most members of one type of documents that are named without a suggestion.
const NAMED: usize = 50;

/// A line for each member that was probably meant for another, and one for all others of each type
/// of documents.
pub(in crate::cli) fn lines(ignored: &Ignored) -> Vec<String> {
    let (meant, others): (Vec<_>, Vec<_>) =
        ignored.members().partition(|member| member.meant.is_some());
    let mut lines: Vec<String> = meant.into_iter().map(with_suggestion).collect();
    for same_kind in others.chunk_by(|one, next| one.kind == next.kind) {
        lines.extend(of_a_kind(same_kind));
    }
    if ignored.others() > 0 {
        let text = format!(
            "ignored: members of further names, {}",
            counted(ignored.others(), "time", "times")
        );
        lines.push(text);
    }
    lines
}

fn with_suggestion(member: &IgnoredMember) -> String {
    let meant = member.meant.as_deref().unwrap_or_default();
    format!(
        "ignored: {}; did you mean `{meant}`? ({} in {}:{})",
        told(member),
        member.kind,
        member.file,
        member.line
    )
}

fn of_a_kind(members: &[&IgnoredMember]) -> Option<String> {
    let kind = &members.first()?.kind;
    let mut named: Vec<String> = members.iter().take(NAMED).map(|it| told(it)).collect();
    if let Some(more) = members.len().checked_sub(NAMED).filter(|more| *more > 0) {
        named.push(format!("and {more} more"));
    }
    Some(format!("ignored: {} ({kind})", named.join(", ")))
}

fn told(member: &IgnoredMember) -> String {
    let times = counted(member.times, "time", "times");
    format!("`{}` {times}", member.member.escape_debug())
}
