//! The languages of the pages: one table of texts for each.

mod english;
mod german;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::guard::cookie;
use english::ENGLISH;
use german::GERMAN;

/// The cookie that keeps the choice.
pub(crate) const COOKIE: &str = "peppol-authz-language";

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::German];

    /// As HTML and HTTP name it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    pub(crate) fn named(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.tag() == tag)
    }

    /// The one that was chosen, or the first that the browser would like.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, COOKIE).and_then(Self::named);
        let wanted = headers.get(ACCEPT_LANGUAGE);
        let wanted = wanted.and_then(|value| value.to_str().ok()).unwrap_or("");
        chosen.or_else(|| wished(wanted)).unwrap_or(Self::English)
    }
}

/// The known language with the greatest weight; of two the first.
fn wished(accepted: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for part in accepted.split(',') {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.parse().unwrap_or(0.0);
        let tag = tag.trim().to_ascii_lowercase();
        let tag = tag.split_once('-').map_or(tag.as_str(), |(tag, _)| tag);
        if let Some(language) = Language::named(tag)
            && weight > best.map_or(0.0, |(_, weight)| weight)
        {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

/// Defines the table, so that no language lacks a text.
macro_rules! texts {
    ($($name:ident),+ $(,)?) => {
        /// The texts of a language.
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)+
        }
    };
}

texts!(
    skip,
    console,
    ask,
    rights,
    policies,
    decisions,
    state,
    sign_in,
    sign_out,
    signed_in_as,
    not_signed_in,
    sign_in_lead,
    credential,
    credential_hint,
    refused_credential,
    session_over,
    not_admitted,
    console_refused,
    problem,
    form_refused,
    not_found,
    ask_lead,
    principal,
    action,
    resource,
    kind,
    id,
    context,
    context_none,
    optional,
    choose_action,
    show_context,
    ask_button,
    unset,
    one_a_line,
    any_instant,
    ids_hint,
    allowed,
    denied,
    no_reasons,
    obligations,
    rule,
    policy,
    code,
    revision_policies,
    revision_store,
    decision_id,
    errors,
    why,
    not_explained,
    unexplained,
    absent,
    deciding,
    values,
    failed_to_read,
    and_others,
    otherwise_permits,
    nearly,
    nearly_lead,
    holds,
    lacks,
    or,
    lacks_unknown,
    try_change,
    try_in_context,
    then,
    without,
    attribute_of,
    tag_of,
    parent_of,
    the_context,
    cut,
    source,
    slice,
    slice_lead,
    more_entities,
    slice_names,
    same_as,
    curl,
    authzen,
    suite_case,
    permalink,
    state_lead,
    ready,
    not_ready,
    missing,
    warnings,
    none_missing,
    freshness,
    store_state,
    looked,
    ago,
    lag,
    changes_seen,
    memory,
    entities_in_memory,
    decisions_in_memory,
    hits,
    misses,
    workers_late,
    certificates,
    listener,
    expires_in,
    days,
    last_refused,
    no_tls,
    versions,
    limits,
    limit,
    used,
    most,
    decision_log,
    log_written,
    log_dropped,
    log_failing,
    log_off,
    settings,
    setting,
    value,
    origin,
    shadow_on,
    shadow_off,
    program,
    suppose,
    as_it_is,
    gained,
    lost,
    rights_lead,
    who_on,
    what_of,
    show,
    matrix_of,
    rights_none,
    next_page,
    first_page,
    cell_allowed,
    cell_denied,
    open_actions,
    open_lead,
    context_column,
    results,
    more_results,
    too_wide,
    policies_lead,
    by_rule,
    by_file,
    permit_word,
    forbid_word,
    no_rule,
    schema,
    types,
    actions_word,
    members,
    tags,
    parents,
    principals,
    resources,
    draft,
    draft_lead,
    draft_faulty,
    draft_log,
    draft_same,
    draft_changed,
    draft_undecided,
    draft_proved,
    draft_kinds_same,
    draft_more,
    draft_less,
    file,
    compare,
    decisions_lead,
    log_none,
    log_not_file,
    time,
    verdict,
    filter,
    any,
    from,
    lines_read,
    unread_lines,
    replay,
    replayed_same,
    replayed_other,
    not_replayed,
    recorded,
    again,
    counts,
    plot_label,
    surface,
    filtered,
    of_question,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_says_which_language_it_wants() {
        let german = Some(Language::German);
        assert_eq!(wished("de-CH, en;q=0.9"), german);
        assert_eq!(wished("fr, de;q=0.5, en;q=0.4"), german);
        assert_eq!(wished("en-GB,de"), Some(Language::English));
        assert_eq!(wished("de;q=0, en;q=0.1"), Some(Language::English));
        assert_eq!(wished("fr"), None);
        assert_eq!(wished(""), None);
    }
}
