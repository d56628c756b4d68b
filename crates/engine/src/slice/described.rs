//! Entities that a caller describes, of one question or of all questions of a batch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::EntityUid;

use super::loaded::Loaded;
use crate::schema::Row;

/// Entities that a caller describes, each once. Questions share them.
#[derive(Debug, Default)]
pub struct Described {
    rows: Vec<Row>,
    places: HashMap<EntityUid, usize, foldhash::quality::RandomState>,
    /// Those of which Cedar's form was made, so that it is not made again for each question.
    made: Mutex<HashMap<EntityUid, Arc<Loaded>, foldhash::quality::RandomState>>,
}

impl Described {
    /// Of these rows, which are about different entities.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Self {
        let places = rows.iter().enumerate();
        Self {
            places: places
                .map(|(place, row)| (row.uid.clone(), place))
                .collect(),
            rows,
            made: Mutex::default(),
        }
    }

    /// All of them.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns true if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn get(&self, uid: &EntityUid) -> Option<&Row> {
        self.rows.get(*self.places.get(uid)?)
    }

    /// The entity of a row, made by `make` unless it was made before. Of a described entity only the
    /// ancestors can differ, as the store may know more of them.
    pub(super) fn entity<E>(
        &self,
        row: Row,
        make: impl FnOnce(Row) -> Result<Arc<Loaded>, E>,
    ) -> Result<Arc<Loaded>, E> {
        if self.get(&row.uid).is_none() {
            return make(row);
        }
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let before = made().get(&row.uid).map(Arc::clone);
        if let Some(loaded) = before.filter(|loaded| loaded.row.ancestors == row.ancestors) {
            return Ok(loaded);
        }
        let loaded = make(row)?;
        made().insert(loaded.row.uid.clone(), Arc::clone(&loaded));
        Ok(loaded)
    }
}
