//! The arguments of `review`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::policy::{PolicyArgs, SourceArgs};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz review --organisation acme --format html --output acme.html
  peppol-authz review --principal 'Peppol::User::\"anna\"' --format csv
  peppol-authz review --organisation acme --format json --output now.json --since before.json
  peppol-authz review --organisation acme --decision-log decisions.log decisions.log.1

Every right is a question that would be allowed: who, which action, on what, in which context, by which policies and \
values. All are of one state of the store. An action is asked in every context of vocabularies and of true and false; one whose \
context can be anything else is named as open, with the members that it depends on, unless `--contexts` gives some. \
A review is complete, or the exit code is 1 and nothing is written.")]
pub(in crate::cli) struct ReviewArgs {
    /// Review what is within this tenant alone: the id of an entity of the type that the schema marks `@tenant`
    #[arg(long, value_name = "ID", conflicts_with = "within")]
    pub(in crate::cli) organisation: Option<String>,
    /// Review what is within this entity alone, itself included: `Peppol::LegalEntity::"l-1"`
    #[arg(long, value_name = "ENTITY")]
    pub(in crate::cli) within: Option<String>,
    /// Review the rights of this principal alone: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY")]
    pub(in crate::cli) principal: Option<String>,
    /// Review the rights to this action alone: `Peppol::Action::"viewDocument"`, or only `viewDocument`
    #[arg(long, value_name = "ACTION")]
    pub(in crate::cli) action: Option<String>,
    /// A JSON file of contexts: `{"ACTION": [{…}, …]}`, asked in place of those that are found
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) contexts: Option<PathBuf>,
    /// The form in which the review is written
    #[arg(long, value_enum, default_value = "csv")]
    pub(in crate::cli) format: ReviewFormat,
    /// The file to write, whole or not at all; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(in crate::cli) output: PathBuf,
    /// An earlier review in JSON, of the same scope: show also what has become wider and narrower since
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) since: Option<PathBuf>,
    /// Decision logs, to show when each right was last used; `-` is standard input
    #[arg(long, value_name = "LOG", num_args = 1..)]
    pub(in crate::cli) decision_log: Vec<PathBuf>,
    /// The key of the hashes in the logs [default: the setting `decision_log.key_file`]
    #[arg(long, value_name = "FILE", requires = "decision_log")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
}

/// The form of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReviewFormat {
    /// A table for other programs
    Csv,
    /// For `--since`, and for other programs
    Json,
    /// A page to read and to print
    Html,
}
