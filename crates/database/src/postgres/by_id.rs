//! The views of tags that find those of one entity without looking through those of others.

use std::collections::BTreeSet;

use deadpool_postgres::Client;
use futures_util::future::join_all;

use crate::views::quoted;

/// The greatest cost that the server may expect of a read of all tags of one entity: about as many pages, read
/// one after the other.
const MOST_COST: f64 = 500.0;

/// How long the plans wait for a table that somebody changes.
const LOCK_TIMEOUT: &str = "100ms";

/// The names of the views of tags that find those of one entity by an index, or have few rows. Of any other view
/// they are read by their keys: a table may have an index for an id with a key, and be looked through for an
/// id alone. As a table grows, another description tells it.
pub(super) async fn views_by_id(
    client: &Client,
    search_path: &str,
    views: impl Iterator<Item = &str>,
) -> Result<BTreeSet<String>, tokio_postgres::Error> {
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL search_path = {search_path}; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
    );
    let plans = join_all(views.map(|view| async move {
        let sql = format!(
            "EXPLAIN SELECT key, value FROM {} WHERE id = ''::text",
            quoted(view)
        );
        // A view that cannot be read is the matter of whoever reads it.
        let rows = client.query_typed(&sql, &[]).await.ok()?;
        let cost = cost(rows.first()?.try_get(0).ok()?)?;
        (cost <= MOST_COST).then(|| view.to_owned())
    }));
    // In this order: the first to be polled is the first to be sent.
    let (begun, by_id) = tokio::join!(biased; client.batch_execute(&begin), plans);
    begun?;
    client.batch_execute("ROLLBACK").await?;
    Ok(by_id.into_iter().flatten().collect())
}

/// The whole cost that the first line of a plan tells: `Seq Scan on … (cost=0.00..35.50 rows=10 width=64)`.
fn cost(line: &str) -> Option<f64> {
    let (_, told) = line.rsplit_once("(cost=")?;
    let (_, whole) = told.split_once("..")?;
    whole.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::cost;

    #[test]
    fn a_plan_tells_its_cost() {
        let line = "Index Scan using \"a (cost=1..2\" on t  (cost=0.15..8.17 rows=1 width=64)";
        assert_eq!(cost(line), Some(8.17));
        assert_eq!(cost("Result"), None);
    }
}
