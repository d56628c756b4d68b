//! The additions that a database lacks, by those that it notes.

use super::dialect::{AddedMigration, DialectAdditions};

/// The table in which a database notes its additions.
pub(crate) const TABLE: &str = "tenancy_addition";

/// Makes it, in either kind of database.
pub(crate) const MAKE_TABLE: &str = "\
CREATE TABLE IF NOT EXISTS tenancy_addition (
  kind       text NOT NULL CHECK (kind IN ('migration', 'view')),
  name       text NOT NULL,
  digest     text NOT NULL,
  applied_on text NOT NULL,
  PRIMARY KEY (kind, name)
)";

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) is_view: bool,
    pub(crate) name: String,
    pub(crate) digest: String,
}

/// The steps that bring a database up to date.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    pub(crate) migrations: Vec<&'a AddedMigration>,
    /// The views that are made anew: all or none.
    pub(crate) views: Vec<Applied>,
    /// Those of them that are not there as they are to be.
    pub(crate) others: Vec<String>,
}

impl Plan<'_> {
    /// Returns true if the database lacks nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.views.is_empty()
    }

    /// The parts that the database lacks, for a reader who may not bring it up to date.
    ///
    /// # Errors
    /// A database that lacks something.
    pub(crate) fn check_complete(&self) -> Result<(), String> {
        let names = |names: Vec<&str>| names.join("`, `");
        let migrations = self.migrations.iter().map(|it| it.name.as_str()).collect();
        let others = self.others.iter().map(String::as_str).collect();
        let lack = match (self.migrations.is_empty(), self.views.is_empty()) {
            (true, true) => return Ok(()),
            (false, _) => format!(
                "the additions `{}` are not applied to it",
                names(migrations)
            ),
            (true, false) => {
                format!(
                    "the views `{}` are not those of the additions",
                    names(others)
                )
            }
        };
        Err(format!(
            "{lack}: run `peppol-authz migrate` with these additions, or name those that it has"
        ))
    }
}

/// The steps that a database lacks with the tables of a shipped version.
///
/// # Errors
/// Additions that were applied to it and are changed or missing.
pub(crate) fn plan<'a>(
    part: Option<&'a DialectAdditions>,
    applied: &[Applied],
    shipped: i32,
) -> Result<Plan<'a>, String> {
    let Some(part) = part else {
        return match applied.first() {
            None => Ok(Plan::default()),
            Some(first) => Err(format!(
                "it has additions, `{}` first, and no directory of additions is named: see the setting \
                 `additions`",
                first.name
            )),
        };
    };
    for was in applied.iter().filter(|was| !was.is_view) {
        let Some(now) = part.migrations.iter().find(|it| it.name == was.name) else {
            return Err(format!(
                "the migration `{}` was applied to it, and is not among the additions",
                was.name
            ));
        };
        if now.digest != was.digest {
            return Err(format!(
                "`{}` was applied to it, and has been changed since: put it back, and write what is new as a \
                 migration with the next number",
                now.file.name
            ));
        }
    }
    let has = |name: &str| applied.iter().any(|was| !was.is_view && was.name == name);
    let migrations: Vec<_> = part
        .migrations
        .iter()
        .filter(|migration| !has(&migration.name))
        .collect();
    let newest = part.migrations.iter().rfind(|it| has(&it.name));
    if let (Some(first), Some(newest)) = (migrations.first(), newest)
        && first.version < newest.version
    {
        return Err(format!(
            "`{}` was not applied to it, and `{}` was: a new migration has the next number",
            first.name, newest.name
        ));
    }
    for was in applied.iter().filter(|was| was.is_view) {
        if !part.views.iter().any(|view| view.name == was.name) {
            return Err(format!(
                "the view `{}` was made by the additions, and `views.sql` has it no more: give it its shipped \
                 text there, or one without rows",
                was.name
            ));
        }
    }
    let views = part.views.iter().map(|view| Applied {
        is_view: true,
        name: view.name.clone(),
        digest: DialectAdditions::view_digest(view, shipped),
    });
    let mut views: Vec<_> = views.collect();
    let others = views.iter().filter(|view| !applied.contains(view));
    let others: Vec<String> = others.map(|view| view.name.clone()).collect();
    if migrations.is_empty() && others.is_empty() {
        views.clear();
    }
    Ok(Plan {
        migrations,
        views,
        others,
    })
}
