//! The parts of all searches, done beside each other and taken in order.
//!
//! A part lists candidates, decides them and makes what is wanted of their rights. Of the first parts in a queue, so many
//! as there are workers are at work, and a few wait until they are taken. So a review takes all workers, and memory
//! does not grow with it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use cedar_policy::EntityTypeName;
use serde_json::Value as Json;
use tokio::task::JoinHandle;

use super::values::PermitReader;
use super::{ReviewError, Right};
use crate::search::{FoundPart, SearchPart, Sought, WholeSearch};
use crate::slice::InState;

/// The ids of a type.
pub(super) type Ids = BTreeSet<Arc<str>>;

/// Parts that are at work or done, for each worker.
const AHEAD: usize = 2;

/// Makes something of the rights of a part, in order.
pub type MakeOfRights<T> = Arc<dyn Fn(Vec<Right>) -> Result<T, String> + Send + Sync>;

/// A search with all that its parts share.
pub(super) struct Searched<T> {
    pub(super) search: WholeSearch,
    /// The context, as it is written.
    pub(super) context: Json,
    /// Where resources are sought: those that are reviewed; `None` are all.
    pub(super) within: Option<Arc<Ids>>,
    /// The values of its permits.
    pub(super) permits: Mutex<PermitReader>,
    pub(super) make: MakeOfRights<T>,
}

/// A part that is done.
struct Done<T> {
    /// The lines of its rights; `None` where there are none.
    made: Option<T>,
    found: FoundPart,
}

/// A part in the queue.
enum QueuedPart<T> {
    Open(Arc<Searched<T>>, SearchPart),
    Begun(Arc<Searched<T>>, Begun<T>),
}

/// A part that is at work; it ends with this.
struct Begun<T>(JoinHandle<Result<Done<T>, ReviewError>>);

impl<T> Drop for Begun<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The parts of a review, in order.
pub(super) struct Parts<T> {
    workers: usize,
    queue: VecDeque<QueuedPart<T>>,
    /// How many questions were decided.
    pub(super) decided: usize,
    /// The state that they were decided in.
    pub(super) revision: Option<Arc<str>>,
}

impl<T: Send + 'static> Parts<T> {
    /// None. One worker is the task that asks.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            queue: VecDeque::new(),
            decided: 0,
            revision: None,
        }
    }

    /// The most that are at work or wait until they are taken.
    fn ahead(&self) -> usize {
        match self.workers {
            1 => 0,
            workers => workers * AHEAD,
        }
    }

    /// Adds a search. Takes what is done until few are left.
    ///
    /// # Errors
    /// A part that cannot be done, and what `take` says.
    pub(super) async fn add(
        &mut self,
        searched: Searched<T>,
        take: &mut (dyn FnMut(T) -> Result<(), String> + Send),
    ) -> Result<(), ReviewError> {
        let first = SearchPart::default();
        self.queue
            .push_back(QueuedPart::Open(Arc::new(searched), first));
        self.take_until(self.ahead(), take).await
    }

    /// Takes all that are left.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn end(
        &mut self,
        take: &mut (dyn FnMut(T) -> Result<(), String> + Send),
    ) -> Result<(), ReviewError> {
        self.take_until(0, take).await
    }

    async fn take_until(
        &mut self,
        left: usize,
        take: &mut (dyn FnMut(T) -> Result<(), String> + Send),
    ) -> Result<(), ReviewError> {
        self.begin();
        while self.queue.len() > left {
            let Some(place) = self.queue.pop_front() else {
                break;
            };
            let (searched, done) = match place {
                QueuedPart::Open(searched, part) => {
                    let done = searched.done(part).await?;
                    (searched, done)
                }
                QueuedPart::Begun(searched, mut begun) => {
                    let done = (&mut begun.0).await;
                    let lost = |_| ReviewError::Taken("a thread was lost".to_owned());
                    (searched, done.map_err(lost)??)
                }
            };
            let Done { made, found } = done;
            for part in found.rest.into_iter().rev() {
                self.queue
                    .push_front(QueuedPart::Open(Arc::clone(&searched), part));
            }
            self.begin();
            self.decided += found.decided;
            let revision = self.revision.get_or_insert(found.tenancy_revision.clone());
            if *revision != found.tenancy_revision {
                return Err(ReviewError::Changed);
            }
            if let Some(made) = made {
                take(made).map_err(ReviewError::Taken)?;
            }
        }
        Ok(())
    }

    /// Has the first parts begun.
    fn begin(&mut self) {
        let ahead = self.ahead();
        for place in self.queue.iter_mut().take(ahead) {
            if let QueuedPart::Open(searched, part) = place {
                let (searched, part) = (Arc::clone(searched), std::mem::take(part));
                let worker = Arc::clone(&searched);
                let begun = tokio::spawn(async move { worker.done(part).await });
                *place = QueuedPart::Begun(searched, Begun(begun));
            }
        }
    }
}

impl<T> Searched<T> {
    async fn done(&self, part: SearchPart) -> Result<Done<T>, ReviewError> {
        let takes = |id: &str| self.within.as_ref().is_none_or(|ids| ids.contains(id));
        let found = self.search.part(part, &takes).await;
        let found = found.map_err(|failure| {
            let search = self.search.search();
            let each = |of: &EntityTypeName| format!("each {of}");
            let known = search.known.to_string();
            let (principal, resource) = match search.sought {
                Sought::Principals => (each(&search.of), known),
                Sought::Resources => (known, each(&search.of)),
            };
            ReviewError::Undecided {
                about: Box::new([principal, search.action.to_string(), resource]),
                failure,
            }
        })?;
        let InState::Same(mut found) = found else {
            return Err(ReviewError::Changed);
        };
        let allowed = std::mem::take(&mut found.allowed);
        let mut rights = Vec::with_capacity(allowed.len());
        for (question, decision) in allowed {
            let values = PermitReader::values(&self.permits, &self.search, &question, &decision)?;
            rights.push(Right {
                principal: question.principal,
                action: question.action,
                context: self.context.clone(),
                resource: question.resource,
                permits: decision.reasons,
                values,
                obligations: decision.obligations,
            });
        }
        let made = match rights.is_empty() {
            true => None,
            false => Some((self.make)(rights).map_err(ReviewError::Taken)?),
        };
        Ok(Done { made, found })
    }
}
