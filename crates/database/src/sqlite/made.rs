//! The tables and views that the program and additions make, looked at without a file.

use super::additions::{Refused, in_memory};
use super::dependence::Dependence;
use super::noted::NotedTables;
use super::shape;
use super::shipped::Shipped;
use crate::additions::DialectAdditions;
use crate::views::{Views, links, names};
use peppol_authz_engine::policy::Fault;
use peppol_authz_engine::schema::{LINKS_VIEW, Schema};
use peppol_authz_engine::store::LinksView;

/// All that is made.
pub(crate) struct MadeDatabase {
    /// With their columns.
    pub(crate) views: Views,
    /// Why records do not tell all that the views show.
    pub(crate) untold: Vec<String>,
}

/// Why nothing is made.
pub(crate) enum Unmade {
    /// A statement fails.
    Statement(Box<Fault>),
    /// All else.
    Other(String),
}

/// Makes it in memory.
///
/// # Errors
/// Additions that fail, or change what the records rest on.
pub(crate) fn made(schema: &Schema, part: &DialectAdditions) -> Result<MadeDatabase, Unmade> {
    let connection = in_memory(part).map_err(|refused| match refused {
        Refused::Statement(fault) => Unmade::Statement(fault),
        other => Unmade::Other(other.to_string()),
    })?;
    let failed = |error: rusqlite::Error| Unmade::Other(error.to_string());
    let views = shape::views(&connection).map_err(|error| Unmade::Other(error.to_string()))?;
    let read: Vec<String> = names(schema)
        .filter(|name| views.contains_key(name))
        .collect();
    let shipped = Shipped::get().map_err(failed)?;
    let mut all = read.clone();
    if links(&views) == LinksView::There && !all.iter().any(|name| name == LINKS_VIEW) {
        all.push(LINKS_VIEW.to_owned());
    }
    let dependence = Dependence::of(&connection, &all).map_err(failed)?;
    let noted = NotedTables::read(&connection, shipped).map_err(failed)?;
    let mut untold = shipped.altered(&connection, &read).map_err(failed)?;
    let unnoted = dependence.unnoted(&noted).into_iter();
    untold.extend(unnoted.map(|column| format!("nothing notes the changes of {column}")));
    untold.extend(noted.faults);
    let impure = dependence.impure().into_iter();
    untold.extend(impure.map(|name| format!("`{name}` may give something else each time")));
    Ok(MadeDatabase { views, untold })
}
