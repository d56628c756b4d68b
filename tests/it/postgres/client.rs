//! Another program at the database, and waiting for what a sidecar says.

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::server::Database;
use crate::eventually::{eventually, until};
use crate::sidecar::Sidecar;
use crate::store::runtime;

/// A connection, which may hold a transaction open.
pub(crate) struct SqlConnection {
    runtime: Runtime,
    client: Client,
}

impl SqlConnection {
    pub(crate) fn open(database: &Database) -> Self {
        let runtime = runtime();
        let url = database.url();
        let client = runtime.block_on(connect(&url));
        Self { runtime, client }
    }

    /// Runs statements; the first value of the last row that they return.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let asked = self.client.simple_query(sql);
        let messages = self.runtime.block_on(asked);
        let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let mut values = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        values.next_back().unwrap_or_default()
    }
}

/// A connection that the runtime of the caller keeps.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The missing parts that `/readyz` lists, in one text; empty when it is ready.
pub(crate) fn missing(sidecar: &Sidecar) -> String {
    let reply = sidecar.get("/readyz");
    let said = reply.json();
    let missing = said["missing"].as_array().unwrap();
    assert_eq!(reply.status == 200, missing.is_empty(), "{}", reply.text);
    let missing: Vec<&str> = missing.iter().map(|it| it.as_str().unwrap()).collect();
    missing.join("\n")
}

/// Waits until it says that it is not ready, in these words.
#[track_caller]
pub(crate) fn until_missing(sidecar: &Sidecar, words: &[&str]) {
    eventually(&format!("not ready, with {words:?}"), || {
        let said = missing(sidecar);
        let are_all_said = words.iter().all(|word| said.contains(word));
        if are_all_said { Ok(()) } else { Err(said) }
    });
}

/// Waits until it is ready, by itself.
#[track_caller]
pub(crate) fn until_ready(sidecar: &Sidecar) {
    sidecar.wait_for_log("ready");
    until("it is ready", || missing(sidecar).is_empty());
}
