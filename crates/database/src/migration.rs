//! Migrations: the steps that bring the tables of a database to the version that this program knows.
//!
//! Each kind of database has files of its own, and notes its version in a place of its own: a file of
//! SQLite in its head, a server in a table. Whoever runs them holds a lock over all of them, and each
//! is one transaction, together with the note that it is done.

use crate::additions::Plan;

/// A step from the version before to its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) version: i32,
    /// Of its file.
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// The result of bringing a database up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// It was at this version already.
    Already(i32),
    /// It was empty, and is at this version.
    Made(i32),
    /// It was of an older version.
    Upgraded {
        /// The version that it was of.
        from: i32,
        /// The version that it is of.
        to: i32,
    },
    /// Another program has made it: it is left as it is.
    Foreign,
}

/// The same, with the additions of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The tables of this program.
    pub tables: Migrated,
    /// The migrations among the additions that were applied now.
    pub additions: Vec<String>,
    /// The views of the additions that were made anew now.
    pub views: Vec<String>,
}

impl std::fmt::Display for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.tables)?;
        if !self.additions.is_empty() {
            let names = self.additions.join("`, `");
            write!(f, "; the additions `{names}` were applied now")?;
        }
        if !self.views.is_empty() {
            let names = self.views.join("`, `");
            write!(f, "; the views `{names}` were made anew")?;
        }
        Ok(())
    }
}

impl Migrated {
    /// By the versions before, 0 for an empty one, and after.
    pub(super) fn between(from: i32, to: i32) -> Self {
        match from {
            from if from == to => Self::Already(to),
            0 => Self::Made(to),
            from => Self::Upgraded { from, to },
        }
    }
}

impl std::fmt::Display for Migrated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Already(version) => write!(f, "already at version {version}"),
            Self::Made(version) => write!(f, "at version {version} (made now)"),
            Self::Upgraded { from, to } => write!(f, "at version {to} (upgraded now, from {from})"),
            Self::Foreign => f.write_str("made by another program, and left as it is"),
        }
    }
}

impl Upgrade {
    /// Of the tables alone.
    pub(super) fn of_tables(tables: Migrated) -> Self {
        Self {
            tables,
            additions: Vec::new(),
            views: Vec::new(),
        }
    }

    /// Notes the additions that were applied.
    pub(super) fn note(&mut self, plan: &Plan<'_>) {
        let names = plan.migrations.iter().map(|it| it.name.clone());
        self.additions.extend(names);
        let names = plan.views.iter().map(|it| it.name.clone());
        self.views.extend(names);
    }
}

/// The version that a list of steps, oldest first, leads to.
pub(super) const fn newest(migrations: &[Migration]) -> i32 {
    match migrations.last() {
        Some(migration) => migration.version,
        None => 0,
    }
}

/// The step that a database of this version lacks first.
pub(super) fn next(migrations: &'static [Migration], version: i32) -> Option<&'static Migration> {
    migrations
        .iter()
        .find(|migration| migration.version > version)
}

/// Holds a list of steps to the files of a directory: none is left out, and they are in order.
/// `named` is how the file of a version and a name is called.
#[cfg(test)]
pub(super) fn assert_complete(
    migrations: &[Migration],
    directory: &str,
    named: impl Fn(i32, &str) -> String,
) {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = std::fs::read_dir(&directory).unwrap();
    assert_eq!(entries.count(), migrations.len());
    for (migration, version) in migrations.iter().zip(1..) {
        assert_eq!(migration.version, version);
        let path = directory.join(named(version, migration.name));
        let sql = std::fs::read_to_string(&path).unwrap();
        assert!(sql == migration.sql, "{}", path.display());
    }
    assert_eq!(newest(migrations), migrations.len() as i32);
}
