//! Access reviews for people.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::stream::try_unfold;
use tokio::task::spawn_blocking;

use super::Desk;
use crate::decision_log::LogFiles;
use crate::http::apart::WorkApart;
use crate::http::problem::Problem;
use crate::review::{
    AccessReview, FoundReview, LastUses, NoReview, ReviewForm, Since, SomeRights, scope_json,
};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Malformed, ReviewError, ReviewScope};

/// The most rights: the memory of a server is for its decisions.
const MOST: u64 = 500_000;

/// How long a review may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of an answer that are read together.
const PIECE: usize = 64 << 10;

/// The review that is wanted.
#[derive(Debug)]
pub struct WantedReview {
    /// The rights that are wanted.
    pub scope: ReviewScope,
    /// The form.
    pub form: ReviewForm,
    /// A decision log that tells when each was last used, with the files that rotations have left.
    pub log: Option<PathBuf>,
    /// An earlier review in JSON, to tell the difference from.
    pub since: Option<File>,
}

impl Desk {
    /// A review for a caller that may read all data, and how many bytes it is long. It is whole before any of it
    /// is answered.
    ///
    /// # Errors
    /// A caller that may not, an earlier review that is none of this scope, and anything that keeps the review from
    /// being complete.
    pub async fn review(
        &self,
        wanted: WantedReview,
        turns: &WorkApart,
    ) -> Result<(Body, u64), Problem> {
        self.require_administration("/v1/data")?;
        self.require_ready()?;
        let bundle = Arc::clone(&self.app.engine.state().bundle);
        let store = self.app.engine.store();
        let work = turns.on_a_thread(async move {
            let written = written(store, bundle, wanted);
            tokio::time::timeout(PATIENCE, written).await
        });
        let file = work.await?.map_err(|_| Problem::TimedOut)??;
        let length = file.metadata().map_err(internal)?.len();
        let pieces = try_unfold(file, |file| async move {
            let read = spawn_blocking(move || piece(file)).await;
            read.map_err(std::io::Error::other)?
        });
        Ok((Body::from_stream(pieces), length))
    }
}

async fn written(
    store: Arc<dyn Store>,
    bundle: Arc<Bundle>,
    wanted: WantedReview,
) -> Result<File, Problem> {
    let WantedReview {
        scope,
        form,
        log,
        since,
    } = wanted;
    let end = Instant::now() + PATIENCE;
    let before = since.map(|file| Since::read("the earlier review", file));
    let before = before.transpose().map_err(malformed)?;
    if let Some(before) = &before {
        before.is_of(&scope_json(&scope)).map_err(malformed)?;
    }
    let mut count = 0;
    let mut some = |found: &SomeRights| {
        count += found.count;
        match count <= MOST {
            true => Ok(()),
            false => Err(format!(
                "there are more than {MOST} rights; the command `review` takes any number"
            )),
        }
    };
    // By one worker: those of the server are for its decisions.
    let found = FoundReview::of(store, Arc::clone(&bundle), &scope, 1, &mut some).await;
    let found = found.map_err(refused)?;
    let since = before.map(|before| before.compare(&found.rights));
    let since = since.transpose().map_err(internal)?;
    let uses = match log {
        Some(path) => {
            let mut uses = LastUses::of_review(&found, &bundle, None).map_err(internal)?;
            for file in LogFiles::of(&path).map_err(internal)? {
                let until = Until {
                    from: file.map_err(internal)?,
                    end,
                };
                uses.read_log(BufReader::new(until), &mut |_| {});
                if Instant::now() >= end {
                    return Err(Problem::TimedOut);
                }
            }
            Some(uses)
        }
        None => None,
    };
    let review = AccessReview { found, since, uses };
    let mut to = BufWriter::new(tempfile::tempfile().map_err(internal)?);
    review.write(form, &mut to).map_err(internal)?;
    to.flush().map_err(internal)?;
    let mut file = to.into_inner().map_err(|it| internal(it.into_error()))?;
    file.seek(SeekFrom::Start(0)).map_err(internal)?;
    Ok(file)
}

fn internal(error: std::io::Error) -> Problem {
    Problem::Internal(format!("a review: {error}"))
}

fn malformed(text: String) -> Problem {
    Problem::Malformed(Malformed {
        code: "MALFORMED_SEARCH",
        misfit: Misfit::new(text),
    })
}

fn refused(why: NoReview) -> Problem {
    match why {
        NoReview::Incomplete(ReviewError::Failed(failure)) => failure.into(),
        NoReview::Incomplete(ReviewError::Undecided { failure, .. }) => failure.into(),
        NoReview::Incomplete(ReviewError::Scope(text) | ReviewError::Taken(text)) => {
            malformed(text)
        }
        other => Problem::Internal(format!("a review: {other}")),
    }
}

/// A file that ends when the time is over.
struct Until {
    from: File,
    end: Instant,
}

impl Read for Until {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match Instant::now() < self.end {
            true => self.from.read(buffer),
            false => Ok(0),
        }
    }
}

/// The next piece of a file, and the file behind it.
fn piece(mut file: File) -> Result<Option<(Vec<u8>, File)>, std::io::Error> {
    let mut bytes = vec![0; PIECE];
    let read = file.read(&mut bytes)?;
    bytes.truncate(read);
    Ok((read > 0).then_some((bytes, file)))
}
