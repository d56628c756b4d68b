//! The views of a database, and what these rest on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use cedar_policy::EntityTypeName;
use deadpool_postgres::Client;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::by_id::views_by_id;
use super::dependence::Dependence;
use super::digest::{digest, settings};
use super::notes::Notes;
use super::others::types_with_others;
use super::records::{self, Function, Records, since_statement, state_statement};
use super::relations::{self, Column, Relations};
use super::rewritten::rewritten;
use super::shipped;
use crate::views::{self, quoted};
use peppol_authz_engine::schema::Schema;

/// The views and tables that a connection can name without a schema, at one moment.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) relations: Relations,
    /// The tables that lack what this program made them with.
    pub(super) broken: Option<String>,
    /// The digest of what it rests on, and the settings that count.
    digest: String,
    settings: String,
    /// The place of the first state that was read by it.
    place: OnceLock<String>,
    /// The last state that was found to be of it.
    known: RwLock<Option<Arc<KnownState>>>,
    /// The records of changes, if there are some that count.
    pub(super) records: Option<Records>,
    /// True if they tell all that the views show. If not, they name the history all the same.
    pub(super) told: bool,
    /// The types of which any change is one of everything: their views show rows of others.
    pub(super) with_others: BTreeSet<String>,
    /// The statement for a state, and that for the changes since one.
    pub(super) ask_state: String,
    pub(super) ask_changes: Option<String>,
    /// The condition that a table under the views was rewritten since a snapshot.
    pub(super) rewritten: String,
    /// The `search_path` of a read: first the schemas where the views were found.
    pub(super) search_path: String,
    /// The views of tags that find those of one entity by an index, or are small.
    pub(super) by_id: BTreeSet<String>,
    /// The names of the views that were looked into.
    described: BTreeSet<String>,
    read: Instant,
    /// True if something that was read by it did not fit.
    doubted: AtomicBool,
    /// True if the database is another one by now.
    expired: AtomicBool,
}

/// A state that was found to be of a description.
#[derive(Debug)]
pub(super) struct KnownState {
    pub(super) snapshot: String,
    pub(super) history: Option<String>,
}

/// How often a description that is doubted is read again: it may be what the views
/// hold that does not fit, and not the views.
const DOUBT: Duration = Duration::from_secs(1);

/// How often any description is read again. No digest has a view or a table of records that comes.
const REFRESH: Duration = Duration::from_secs(30);

/// Its digest and all else is of one moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Description {
    /// Describes the views of these names, and says once if the changes of their rows are not
    /// all told. They are looked for where they were `before`, and then in the connection's path: who
    /// may create in a schema of it cannot put others in their place.
    pub(super) async fn read(
        client: &Client,
        names: BTreeSet<String>,
        before: Option<&Self>,
    ) -> Result<Self, tokio_postgres::Error> {
        let base = client
            .query_typed_one("SELECT current_setting('search_path')", &[])
            .await?;
        let base: &str = base.try_get(0)?;
        let begin = match before {
            Some(before) => format!("{BEGIN}; SET LOCAL search_path = {}", before.search_path),
            None => BEGIN.to_owned(),
        };
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&wanted, SqlType::TEXT_ARRAY)];
        // In this order: the first to be polled is the first to be sent.
        let (begun, schemas) = tokio::join!(
            biased;
            client.batch_execute(&begin),
            client.query_typed(relations::SCHEMAS, &parameters)
        );
        begun?;
        let mut path = vec!["pg_catalog".to_owned()];
        for row in schemas? {
            path.push(quoted(row.try_get(0)?));
        }
        if !base.trim().is_empty() {
            path.push(base.to_owned());
        }
        let search_path = path.join(", ");
        let set = format!("SET LOCAL search_path = {search_path}");
        let (set, rows, functions) = tokio::join!(
            biased;
            client.batch_execute(&set),
            client.query_typed(relations::RELATIONS, &[]),
            client.query_typed(records::FUNCTIONS, &[])
        );
        set?;
        let relations = Relations::of(&rows?)?;
        let functions = functions?;
        let functions: Vec<Function> = functions
            .iter()
            .map(Function::of)
            .collect::<Result<_, _>>()?;
        let views: Vec<_> = relations.named(&names).map(|(_, view)| view).collect();
        let mut records = Records::beside(&views, &relations, &functions);
        let ours: Vec<&Function> = functions
            .iter()
            .filter(|function| views.iter().any(|view| view.schema == function.schema))
            .collect();
        let is_ours = ours
            .iter()
            .any(|function| function.name == "tenancy_changed" && function.has_no_arguments);
        if let Ok(records) = &mut records {
            let mut history = ours.iter().filter(|it| it.name == "tenancy_history");
            let made = shipped::bodies();
            records.is_history_shipped = history.all(|it| is_as_made(it, &made) == Some(true));
        }
        let is_whole = records.as_ref().is_ok_and(|records| records.has_history)
            && relations.get("tenancy_noted").is_some();
        let faults = match &records {
            Ok(records) => lost(client, records, &ours, is_ours).await?,
            Err(_) => Vec::new(),
        };
        let dependence = Dependence::of(client, relations.named(&names)).await?;
        let notes = Notes::of(client, records.as_ref().ok(), &dependence).await?;
        let called: Vec<u32> = ours.iter().map(|function| function.oid).collect();
        let digest = digest(&dependence, &notes, records.as_ref().ok(), &called);
        let settings = settings();
        let now = format!("SELECT {digest}, {settings}");
        let now = client.query_typed_one(&now, &[]).await?;
        let tables = dependence.tables.keys().copied();
        let own = records.iter().flat_map(|it| it.relations.iter().copied());
        let rewritten = [
            rewritten(client, tables).await?,
            rewritten(client, own).await?,
        ];
        client.batch_execute("COMMIT").await?;
        let of_tags = names.iter().filter(|name| name.ends_with(".tags"));
        let of_tags = of_tags.filter(|name| relations.columns.contains_key(*name));
        let by_id = views_by_id(client, &search_path, of_tags.map(String::as_str)).await?;
        let broken = if is_ours && !is_whole {
            Some("a table or function".to_owned())
        } else {
            (!notes.broken.is_empty()).then(|| notes.broken.join(", "))
        };
        let untold = untold(records.as_ref().err(), &faults, &dependence, &notes);
        if let Some(reason) = &untold
            && before.is_none_or(|before| before.told)
        {
            tracing::warn!(
                reason,
                "the tenancy store does not tell what changes: entities in memory count for \
                 `freshness.untold_max_age`"
            );
        }
        let with_others = types_with_others(&dependence, &notes, is_ours && is_whole);
        if untold.is_none()
            && !with_others.is_empty()
            && before.is_none_or(|before| before.with_others != with_others)
        {
            let types: Vec<&str> = with_others.iter().map(String::as_str).collect();
            tracing::warn!(
                types = types.join(", "),
                "views of the tenancy store may show rows of other entities: each change of these types \
                 drops all entities from memory; see `others` in `tenancy_noted`"
            );
        }
        let (told, records) = (untold.is_none(), records.ok());
        let [rewritten, own_rewritten] = rewritten;
        let ask_changes = records.as_ref().filter(|_| told);
        Ok(Self {
            broken,
            digest: now.try_get(0)?,
            settings: now.try_get(1)?,
            place: OnceLock::new(),
            known: RwLock::new(None),
            ask_state: state_statement(records.as_ref(), (&digest, &settings)),
            ask_changes: ask_changes.map(|records| since_statement(records, &own_rewritten)),
            rewritten,
            records,
            told,
            with_others,
            search_path,
            by_id,
            described: names,
            read: Instant::now(),
            doubted: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            relations,
        })
    }

    /// A column of a view, if it is known.
    pub(super) fn column(&self, view: &str, column: &str) -> Option<&Column> {
        self.relations.column(view, column)
    }

    /// Something did not fit: a view may have been changed, or a right taken away.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Returns true if a state was read from where the first one was, and all that the description
    /// rests on is as it was. If not, it holds no longer. `digest` is none where the snapshot is that of the known state.
    pub(super) fn is_of(&self, place: &str, digest: Option<&str>, settings: &str) -> bool {
        let first = self.place.get_or_init(|| place.to_owned());
        let is_same = digest.is_none_or(|digest| digest == self.digest);
        let is_of = first == place && is_same && settings == self.settings;
        if !is_of {
            self.expired.store(true, Ordering::Relaxed);
        }
        is_of
    }

    /// The name of the place and of all that it rests on.
    pub(super) fn origin(&self, place: &str) -> String {
        format!("{place}/{}/{}", self.digest, self.settings)
    }

    /// The last state that was found to be of it.
    pub(super) fn known(&self) -> Option<Arc<KnownState>> {
        let known = self.known.read();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_known(&self, state: KnownState) {
        let known = self.known.write();
        *known.unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(state));
    }

    pub(super) fn holds(&self) -> bool {
        let age = self.read.elapsed();
        age < REFRESH
            && !self.expired.load(Ordering::Relaxed)
            && (age < DOUBT || !self.doubted.load(Ordering::Relaxed))
    }

    pub(super) fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.relations
            .columns
            .contains_key(&entity_type.to_string())
    }

    /// Returns true if the views of a schema were looked into.
    pub(super) fn describes(&self, schema: &Schema) -> bool {
        views::names(schema).all(|name| self.described.contains(&name))
    }

    /// The names of the views that were looked into.
    pub(super) fn described(&self) -> &BTreeSet<String> {
        &self.described
    }
}

/// Why records may be lost on their way.
async fn lost(
    client: &Client,
    records: &Records,
    functions: &[&Function],
    is_ours: bool,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let mut faults = Vec::new();
    let of = relations::oids(records.relations.iter().copied());
    let parameters: [(&(dyn ToSql + Sync), SqlType); 2] =
        [(&of, SqlType::TEXT), (&is_ours, SqlType::BOOL)];
    for row in client.query_typed(records::FAULTS, &parameters).await? {
        if let Some(fault) = row.try_get::<_, Option<&str>>(1)? {
            faults.push(format!("`{}`: {fault}", row.try_get::<_, &str>(0)?));
        }
    }
    if is_ours {
        let made = shipped::bodies();
        let altered = functions.iter();
        let altered = altered.filter(|function| is_as_made(function, &made) == Some(false));
        faults.extend(altered.map(|function| format!("`{}` is another one", function.name)));
    }
    Ok(faults)
}

/// Returns true if a function is as the migrations make it; none if they make none of its name.
fn is_as_made(
    function: &Function,
    made: &BTreeMap<(String, String), &'static str>,
) -> Option<bool> {
    let made = made.get(&(function.name.clone(), function.arguments.clone()))?;
    Some(*made == function.body && function.is_bound)
}

/// Why the records do not tell all that the views show.
fn untold(
    no_records: Option<&String>,
    lost: &[String],
    dependence: &Dependence,
    notes: &Notes,
) -> Option<String> {
    if let Some(reason) = no_records {
        return Some(reason.clone());
    }
    if !lost.is_empty() {
        return Some(format!("records may be lost: {}", lost.join(", ")));
    }
    if !dependence.faults.is_empty() {
        return Some(format!(
            "views may show something else for the same rows: {}",
            dependence.faults.join("; ")
        ));
    }
    (!notes.faults.is_empty()).then(|| {
        format!(
            "nothing notes the changes of tables that views read: {}; see `tenancy_noted`",
            notes.faults.join(", ")
        )
    })
}
