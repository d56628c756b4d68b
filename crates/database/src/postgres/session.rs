//! The session of the server that a connection has, and the statements that are prepared in it.
//!
//! To plan a statement over a view takes two to three times as long as to run it, so each connection prepares its
//! statements once. A connection pooler may give each transaction another session, where others have prepared
//! statements of theirs under the same names. So a new connection marks its session, and each further read looks
//! for the mark, by a statement that is not prepared. With the first session that has another mark or none,
//! no connection prepares anything any more.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::types::{ToSql, Type as SqlType};
use tokio_postgres::{Error, Row, SimpleQueryMessage};

use super::failure::is_of_session;

/// The setting of a session that holds its mark.
const SETTING: &str = "peppol_authz.connection";

/// The marks of the connections of a pool.
pub(super) struct Sessions {
    /// Drawn at random.
    pool: u64,
    made: Instant,
    /// False once a connection had another session than before.
    are_kept: AtomicBool,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            pool: RandomState::new().build_hasher().finish(),
            made: Instant::now(),
            are_kept: AtomicBool::new(true),
        }
    }
}

/// The statement that begins a read, for its part that concerns the session.
pub(super) struct Opening {
    /// To follow what begins the transaction.
    pub(super) sql: String,
    /// True if it marks the session, and the mark stays when the transaction is committed.
    pub(super) marks: bool,
    expected: Option<String>,
}

impl Opening {
    /// Returns true if the session is that in which the connection has prepared its statements.
    pub(super) fn is_kept(&self, answer: &[SimpleQueryMessage]) -> bool {
        let Some(expected) = &self.expected else {
            return true;
        };
        let found = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        found == Some(expected)
    }
}

impl Sessions {
    /// The begin of the next read on a connection.
    pub(super) fn opening(&self, client: &Object) -> Opening {
        let (mut sql, mut expected) = (String::new(), None);
        let marks = self.are_kept() && Object::metrics(client).recycle_count == 0;
        if marks {
            sql = format!("; SET {SETTING} = '{}'", self.mark(client));
        } else if self.are_kept() {
            sql = format!("; SELECT current_setting('{SETTING}', true)");
            expected = Some(self.mark(client));
        }
        Opening {
            sql,
            marks,
            expected,
        }
    }

    /// No other connection of any pool has the same.
    fn mark(&self, client: &Object) -> String {
        let made = Object::metrics(client).created;
        let made = made.saturating_duration_since(self.made).as_nanos();
        let place = Arc::as_ptr(&client.statement_cache).addr();
        format!("{:016x}-{made:x}-{place:x}", self.pool)
    }

    fn are_kept(&self) -> bool {
        self.are_kept.load(Ordering::Relaxed)
    }

    /// Notes that a connection had another session than before.
    pub(super) fn note_another(&self) {
        if self.are_kept.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "transactions have other sessions of the server, as a connection pooler gives them: no statements are \
                 prepared, and reads take longer"
            );
        }
    }
}

/// A connection during a read.
#[derive(Clone, Copy)]
pub(super) struct Session<'c> {
    pub(super) client: &'c Object,
    pub(super) sessions: &'c Sessions,
}

/// A statement that is ready to be sent.
pub(super) enum Ready<'c> {
    Prepared(tokio_postgres::Statement),
    /// One that is not prepared, or not yet.
    Plain(String, Vec<SqlType>, Mutex<Option<Preparing<'c>>>),
}

type Preparing<'c> = BoxFuture<'c, Result<tokio_postgres::Statement, Error>>;

impl Ready<'_> {
    /// One that is planned each time.
    pub(super) fn plain(sql: String, types: Vec<SqlType>) -> Self {
        Self::Plain(sql, types, Mutex::new(None))
    }
}

impl<'c> Session<'c> {
    /// Prepares a statement, unless the connection has done so before. The types are those of its parameters.
    ///
    /// Nobody waits for that: the first time it is sent along, and the statement runs without.
    pub(super) fn statement(self, sql: String, types: &[SqlType]) -> Ready<'c> {
        let types = types.to_vec();
        if !self.sessions.are_kept() {
            return Ready::plain(sql, types);
        }
        let (client, asked, of) = (self.client, sql.clone(), types.clone());
        let mut preparing: Preparing<'c> =
            Box::pin(async move { client.prepare_typed_cached(&asked, &of).await });
        match (&mut preparing).now_or_never() {
            Some(Ok(statement)) => Ready::Prepared(statement),
            // The statement itself will fail.
            Some(Err(_)) => Ready::plain(sql, types),
            None => Ready::Plain(sql, types, Mutex::new(Some(preparing))),
        }
    }

    /// The rows that a statement finds. It is sent at once.
    pub(super) async fn rows(
        self,
        statement: &Ready<'_>,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        match statement {
            Ready::Prepared(statement) => {
                let rows = self.client.query(statement, parameters).await;
                self.heeded(rows)
            }
            Ready::Plain(sql, types, preparing) => {
                let preparing = preparing
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                let types = types.iter().cloned();
                let typed: Vec<_> = parameters.iter().copied().zip(types).collect();
                let rows = self.client.query_typed(sql, &typed);
                let Some(preparing) = preparing else {
                    return rows.await;
                };
                let (prepared, rows) = tokio::join!(preparing, rows);
                // Sent first, it is what the server refuses.
                self.heeded(prepared)?;
                rows
            }
        }
    }

    fn heeded<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(is_of_session) {
            self.sessions.note_another();
        }
        result
    }
}
