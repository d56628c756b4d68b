//! The links of a set in a database, in the place of a file: what they decide is the same.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use peppol_authz_database::Sqlite;
use peppol_authz_engine::Decision;
use peppol_authz_engine::policy::{Bundle, Warnings, load};
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, EntitiesFile, LinkRow, LinksView, Revision, Snapshot, Store, StoreError,
    StoreFuture, TagKeys, Tags,
};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::WrittenLink;
use crate::deciding::{Deciding, linked_sources, open};
use crate::sidecar::project;

/// A database with links alone.
pub(super) struct LinksDatabase {
    _directory: TempDir,
    connection: Connection,
    store: Arc<Sqlite>,
}

/// A link that no question can fulfil, by its id, as the warning of the file says.
fn never_applies(bundle: &Bundle, link: &WrittenLink) -> bool {
    let said = format!("no question can fulfil link `{}`", link.id);
    let mut warnings = bundle.warnings.iter();
    warnings.any(|fault| fault.message.contains(&said))
}

impl LinksDatabase {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("links.db");
        drop(open(&path));
        let connection = Connection::open(&path).unwrap();
        let links = std::fs::read_to_string(project("schema/additions/sqlite/links.sql")).unwrap();
        connection.execute_batch(&links).unwrap();
        Self {
            _directory: directory,
            connection,
            store: Arc::new(open(&path)),
        }
    }

    /// An engine over these entities, with the links of a set here. `of_file` is the set with its links in a file.
    pub(super) fn engine(
        &self,
        (schema, policies, links): (&str, &str, &[WrittenLink]),
        of_file: &Bundle,
        entities: &Value,
    ) -> Deciding {
        self.connection
            .execute_batch("BEGIN; DELETE FROM template_link;")
            .unwrap();
        for link in links.iter().filter(|link| !never_applies(of_file, link)) {
            let uid = |text: &Option<String>| {
                let uid = text.as_ref().map(|text| text.parse::<EntityUid>().unwrap());
                (
                    uid.as_ref().map(|uid| uid.type_name().to_string()),
                    uid.as_ref().map(|uid| uid.id().unescaped().to_owned()),
                )
            };
            let (principal, resource) = (uid(&link.principal), uid(&link.resource));
            let insert = "INSERT INTO template_link VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let row = (
                &link.id,
                &link.template,
                principal.0,
                principal.1,
                resource.0,
                resource.1,
            );
            self.connection.execute(insert, row).unwrap();
        }
        self.connection.execute_batch("COMMIT").unwrap();
        let sources = linked_sources(schema, policies, Some("stored = true"));
        let bundle = load(&sources.with_warnings(Warnings::LOG)).unwrap();
        let store = WithLinks {
            entities: EntitiesFile::parse(entities.to_string().as_bytes()).unwrap(),
            links: Arc::clone(&self.store),
        };
        Deciding::over(store, Arc::new(bundle))
    }
}

/// Holds two decisions to be the same.
pub(super) fn assert_same(one: &Decision, other: &Decision, question: &Value) {
    let part = |decision: &Decision| {
        (
            decision.verdict,
            decision.reasons.clone(),
            decision.determining.clone(),
            decision.errors.clone(),
        )
    };
    assert_eq!(part(one), part(other), "{question}");
    // Those of the store are told.
    let links: HashSet<&str> = other.links.iter().map(|link| &*link.id).collect();
    let by_link = other.determining.iter().filter(|id| id.starts_with("l/"));
    assert!(
        by_link.into_iter().all(|id| links.contains(&**id)),
        "{question}"
    );
}

/// Entities of a file, and links of a database.
struct WithLinks {
    entities: EntitiesFile,
    links: Arc<Sqlite>,
}

struct Both {
    entities: Box<dyn Snapshot>,
    links: Box<dyn Snapshot>,
}

impl Store for WithLinks {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        self.entities.serves(entity_type)
    }

    fn tells_absence(&self, entity_type: &EntityTypeName) -> bool {
        self.entities.tells_absence(entity_type)
    }

    fn speaks_of(&self, entity_type: &EntityTypeName, schema: &Schema) -> bool {
        self.entities.speaks_of(entity_type, schema)
    }

    fn links_view(&self) -> LinksView {
        self.links.links_view()
    }

    fn names(&self, revision: &Revision) -> bool {
        self.entities.names(revision)
    }

    fn check(&self, schema: &Arc<Schema>) -> Result<(), StoreError> {
        self.entities.check(schema)
    }

    fn snapshot(
        &self,
        schema: &Arc<Schema>,
        since: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let (schema, since) = (Arc::clone(schema), since.cloned());
        Box::pin(async move {
            let entities = self.entities.snapshot(&schema, since.as_ref()).await?;
            let links = self.links.snapshot(&schema, None).await?;
            Ok(Box::new(Both { entities, links }) as Box<dyn Snapshot>)
        })
    }
}

impl Snapshot for Both {
    fn revision(&self) -> &Revision {
        self.entities.revision()
    }

    fn changes(&self) -> &Changes {
        self.entities.changes()
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        self.entities.entities(uids)
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        self.entities.tags(wanted)
    }

    fn few_tags<'a>(
        &'a mut self,
        uids: &'a [EntityUid],
        most: usize,
    ) -> StoreFuture<'a, Vec<Option<Tags>>> {
        self.entities.few_tags(uids, most)
    }

    fn links(&mut self, most: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        self.links.links(most)
    }

    fn candidates<'a>(&'a mut self, wanted: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        self.entities.candidates(wanted)
    }

    fn statement(&self, wanted: &Candidates) -> Option<String> {
        self.entities.statement(wanted)
    }
}
