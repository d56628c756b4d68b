//! A database file that is open: the file that its path named when it was opened.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::EntityTypeName;
use rusqlite::Connection;

use super::additions;
use super::dependence::Dependence;
use super::few_tags::views_by_id;
use super::noted::NotedTables;
use super::options::SqliteOptions;
use super::place::{FilePlace, moved};
use super::pool::{Pool, keep_log};
use super::shipped::Shipped;
use super::wal_index::{LogEnd, WalIndex};
use super::wal_log::{Commits, WalLog};
use super::{changes, connection, failure, migrate, revision, shape, upgrade};
use crate::additions::Additions;
use crate::migration::{Migrated, Upgrade};
use crate::views::{self, Views};
use peppol_authz_engine::schema::{LINKS_VIEW, Schema};
use peppol_authz_engine::store::{LinksView, Mark, StoreError};

/// An open database.
#[derive(Debug)]
pub(super) struct Opened {
    /// True if this program has made it.
    pub(super) is_ours: bool,
    pub(super) views: Arc<Views>,
    /// Those of tags that find the tags of one entity in an index.
    pub(super) by_id: Arc<HashSet<String>>,
    pub(super) pool: Arc<Pool>,
    additions: Option<Arc<Additions>>,
    /// False if a view reads columns that nothing notes.
    noted: AtomicBool,
    /// True if a view reads a clock, or something else that is not in the file.
    impure: AtomicBool,
    place: FilePlace,
    /// True if its views have been changed since, or something was written without a record.
    stale: AtomicBool,
    /// The log, and the page that each record is written to.
    log: Option<(WalLog, u32)>,
    /// The end of the log, as far as it was looked through.
    looked_through: Mutex<Option<LogEnd>>,
    /// Keeps the index in being, see [`WalIndex`], and the inode, see [`FilePlace`]. `None` once it is
    /// retired.
    open: Mutex<Option<Connection>>,
    index: Arc<WalIndex>,
}

/// How often a path is opened again that is replaced meanwhile.
const TRIES: usize = 5;

impl Opened {
    /// Opens the file at a path; one that is missing is made, if it may be, an older one upgraded.
    ///
    /// # Errors
    /// As [`Sqlite::open`](super::Sqlite::open).
    pub(super) fn open(
        path: &Path,
        options: &SqliteOptions,
    ) -> Result<(Self, Upgrade), StoreError> {
        let upgrade = RefCell::new(Upgrade::of_tables(Migrated::Foreign));
        let opened = Self::open_by(path, options, || {
            let mut writer = connection::open_writer(path, options)?;
            let mut upgrade = upgrade.borrow_mut();
            match options.migrate {
                true => bring_up_to_date(path, options, &mut writer, &mut upgrade)?,
                false => {
                    upgrade::check_newest(path, &writer)?;
                    let additions = options.additions.as_deref();
                    additions::check_complete(path, &writer, additions)?;
                }
            }
            Ok(writer)
        })?;
        Ok((opened, upgrade.into_inner()))
    }

    /// Opens the file that was put in the place of another one.
    ///
    /// # Errors
    /// No such file, one that is not whole, and one that would have to be upgraded.
    pub(super) fn open_again(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        Self::open_by(path, options, || {
            let opened = connection::open_whole(path, options)?;
            additions::check_complete(path, &opened, options.additions.as_deref())?;
            Ok(opened)
        })
    }

    fn open_by(
        path: &Path,
        options: &SqliteOptions,
        first: impl Fn() -> Result<Connection, StoreError>,
    ) -> Result<Self, StoreError> {
        for _ in 0..TRIES {
            let first = first()?;
            revision::schema_version(&first).map_err(|error| failure::unavailable(path, &error))?;
            let before = FilePlace::of(path)?;
            let reader = connection::open_reader(path, options)?;
            revision::schema_version(&reader)
                .map_err(|error| failure::unavailable(path, &error))?;
            // The reader was opened in between: it is at this place.
            if before.is_named() {
                return Self::at(before, path, options, reader);
            }
        }
        Err(moved(path))
    }

    fn at(
        place: FilePlace,
        path: &Path,
        options: &SqliteOptions,
        open: Connection,
    ) -> Result<Self, StoreError> {
        let is_ours =
            migrate::is_ours(&open).map_err(|error| failure::unavailable(path, &error))?;
        let index = WalIndex::open(place.index())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let schema_version =
            revision::schema_version(&open).map_err(|error| failure::unavailable(path, &error))?;
        let views = Arc::new(shape::views(&open)?);
        let by_id = Arc::new(views_by_id(&open, &views));
        let page = match is_ours {
            true => revision::page_of_numbers(&open)
                .map_err(|error| failure::unavailable(path, &error))?,
            false => None,
        };
        let log = page.and_then(|page| Some((WalLog::open(place.log()).ok()?, page)));
        let pool = Pool::new(
            path,
            options.clone(),
            is_ours,
            schema_version,
            &place,
            Arc::clone(&index),
        );
        let opened = Self {
            is_ours,
            views,
            by_id,
            pool: Arc::new(pool),
            additions: options.additions.clone(),
            noted: AtomicBool::new(true),
            impure: AtomicBool::new(false),
            place,
            stale: AtomicBool::new(false),
            log,
            looked_through: Mutex::new(None),
            open: Mutex::new(Some(open)),
            index,
        };
        // A reader that cannot be opened should stop the start, not a question.
        let mut reader = opened.pool.reader()?;
        reader.begin().and_then(|_| reader.end()).map_err(|error| {
            let shown = path.display();
            StoreError::Misfit(format!("`{shown}`: its revision cannot be read: {error}"))
        })?;
        opened.pool.put_back(reader);
        Ok(opened)
    }

    /// Checks that the views are those that a schema needs, and finds the columns that nothing
    /// notes and the functions that read more than the file.
    pub(super) fn check(&self, schema: &Schema) -> Result<(), StoreError> {
        let names = views::check(schema, &self.views)?;
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: rusqlite::Error| {
            StoreError::Misfit(format!("the views cannot be read: {error}"))
        };
        let Some(open) = open.as_ref() else {
            return Err(StoreError::Unavailable("it is opened anew".to_owned()));
        };
        let mut all = names.clone();
        if views::links(&self.views) == LinksView::There && !names.iter().any(|it| it == LINKS_VIEW)
        {
            all.push(LINKS_VIEW.to_owned());
        }
        let dependence = Dependence::of(open, &all).map_err(failed)?;
        let impure = dependence.impure();
        if !impure.is_empty() && !self.impure.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                reads = impure.join(", "),
                "views read more than is in the file, so that an unchanged file may give another \
                 answer: entities in memory count for `freshness.untold_max_age`"
            );
        }
        if self.is_ours {
            self.check_records(open, &names, &dependence)
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Checks that the records tell of all changes, and says if they do not.
    fn check_records(
        &self,
        open: &Connection,
        names: &[String],
        dependence: &Dependence,
    ) -> rusqlite::Result<()> {
        let shipped = Shipped::get()?;
        let mut altered = shipped.altered(open, names)?;
        if let Some(additions) = &self.additions {
            altered.extend(additions::altered(open, &additions.sqlite)?);
        }
        if self.log.is_none() {
            altered.push("the log of pages cannot be followed".to_owned());
        }
        if !altered.is_empty() {
            if self.noted.swap(false, Ordering::Relaxed) {
                tracing::warn!(
                    altered = altered.join("; "),
                    "tables or views are not as this program makes them, so that the records may not \
                     tell of all changes: all entities in memory are dropped with each write"
                );
            }
            return Ok(());
        }
        let noted = NotedTables::read(open, shipped)?;
        let unnoted = dependence.unnoted(&noted);
        if !unnoted.is_empty() && self.noted.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                columns = unnoted.join(", "),
                not_counted = noted.faults.join("; "),
                "views read columns whose changes nothing notes: all entities in memory are \
                 dropped with each write; see the table `tenancy_noted`"
            );
        }
        Ok(())
    }

    pub(super) fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.views.contains_key(&entity_type.to_string())
    }

    /// Returns true if the path still names this file, and its views are as they were.
    pub(super) fn is_current(&self) -> bool {
        !self.stale.load(Ordering::Relaxed) && self.place.is_named()
    }

    /// Closes what is not in use, and all else when it is given back.
    pub(super) fn retire(&self) {
        self.stale.store(true, Ordering::Relaxed);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.take() {
            keep_log(&open);
        }
        self.pool.retire();
    }

    /// Returns true if no connection to the file is left.
    pub(super) fn is_closed(&self) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // This one, and that of the pool.
        open.is_none() && Arc::strong_count(&self.index) <= 2
    }

    /// Returns true if the path names the same database with another index, or none: the
    /// connections of one process share the index that they have.
    pub(super) fn has_lost_its_index(&self, path: &Path) -> bool {
        FilePlace::of(path).map_or(true, |now| now.differs_in_index(&self.place)) && path.exists()
    }

    /// The end of the log.
    pub(super) fn log_end(&self) -> Option<LogEnd> {
        self.index.end()
    }

    /// The commits since this was asked last, or since the end of the log that is given: those up to
    /// the state that was read in between, at least.
    pub(super) fn commits_since(&self, first: Option<LogEnd>) -> Commits {
        let mut looked = self
            .looked_through
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock: the end never goes back.
        let (from, now) = (looked.or(first), self.index.end());
        let (Some(from), Some(now), Some((log, page))) = (from, now, &self.log) else {
            return Commits::Unseen;
        };
        *looked = Some(now);
        log.commits(from, now, *page)
    }

    /// The views have been changed, or something was written without a record.
    pub(super) fn doubt(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// True if the records tell all changes.
    pub(super) fn is_told(&self) -> bool {
        self.is_ours && self.noted.load(Ordering::Relaxed) && !self.impure.load(Ordering::Relaxed)
    }

    /// The mark of the newest state; `None` if the path names this file no longer.
    pub(super) fn mark(&self) -> Option<Mark> {
        if self.stale.load(Ordering::Relaxed) {
            return None;
        }
        let written = self.place.look()?;
        let header = self.index.header()?;
        // It is made for each question: not byte by byte.
        let mut bytes = [0; 96];
        let (head, rest) = bytes.split_at_mut(header.len());
        head.copy_from_slice(&header);
        let numbers = self.place.numbers().into_iter().chain(written.numbers());
        for (part, number) in rest.chunks_exact_mut(size_of::<u64>()).zip(numbers) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        Some(Mark {
            bytes,
            settles: !self.impure.load(Ordering::Relaxed),
        })
    }
}

/// Makes or upgrades the tables of a database, and applies additions.
fn bring_up_to_date(
    path: &Path,
    options: &SqliteOptions,
    writer: &mut Connection,
    upgrade: &mut Upgrade,
) -> Result<(), StoreError> {
    let additions = options.additions.as_deref();
    // A database whose additions are not these is not upgraded either.
    additions::check_known(path, writer, additions)?;
    upgrade.tables = upgrade::prepare_schema(path, writer)?;
    additions::bring_up_to_date(path, writer, additions, upgrade)?;
    let unavailable = |error: rusqlite::Error| failure::unavailable(path, &error);
    if migrate::is_ours(writer).map_err(unavailable)? {
        changes::prune_where_many(writer).map_err(unavailable)?;
    }
    Ok(())
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.place.is_named() {
            self.retire();
        }
    }
}
