//! Access reviews for people.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::stream::try_unfold;
use tokio::task::spawn_blocking;

use super::Desk;
use crate::http::apart::WorkApart;
use crate::http::problem::Problem;
use crate::review::{AccessReview, FoundReview, LastUses, NoReview, ReviewForm};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Malformed, ReviewError, ReviewScope};

/// The most rights: the memory of a server is for its decisions.
const MOST: usize = 500_000;

/// How long a review may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of an answer that are read together.
const PIECE: usize = 64 << 10;

impl Desk {
    /// A review, with the last use of each right by a decision log where there is one, for a caller that may read
    /// all data, and how many bytes it is long. It is whole before any of it is answered.
    ///
    /// # Errors
    /// A caller that may not, and anything that keeps the review from being complete.
    pub async fn review(
        &self,
        scope: ReviewScope,
        form: ReviewForm,
        log: Option<PathBuf>,
        turns: &WorkApart,
    ) -> Result<(Body, u64), Problem> {
        self.require_administration("/v1/data")?;
        self.require_ready()?;
        let bundle = Arc::clone(&self.app.engine.state().bundle);
        let store = self.app.engine.store();
        let work = turns.on_a_thread(async move {
            let written = written(store, bundle, &scope, form, log);
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
    scope: &ReviewScope,
    form: ReviewForm,
    log: Option<PathBuf>,
) -> Result<File, Problem> {
    let mut count = 0;
    let mut each = |_: &_| {
        count += 1;
        match count <= MOST {
            true => Ok(()),
            false => Err(format!(
                "there are more than {MOST} rights; the command `review` takes any number"
            )),
        }
    };
    let found = FoundReview::of(store, Arc::clone(&bundle), scope, &mut each).await;
    let found = found.map_err(refused)?;
    let uses = match log {
        Some(path) => {
            let mut uses = LastUses::of_review(&found, &bundle, None).map_err(internal)?;
            let log = File::open(path).map_err(internal)?;
            uses.read_log(BufReader::new(log), &mut |_| {});
            Some(uses)
        }
        None => None,
    };
    let review = AccessReview {
        found,
        since: None,
        uses,
    };
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

fn refused(why: NoReview) -> Problem {
    match why {
        NoReview::Incomplete(ReviewError::Failed(failure)) => failure.into(),
        NoReview::Incomplete(ReviewError::Undecided { failure, .. }) => failure.into(),
        NoReview::Incomplete(ReviewError::Scope(text) | ReviewError::Taken(text)) => {
            Problem::Malformed(Malformed {
                code: "MALFORMED_SEARCH",
                misfit: Misfit::new(text),
            })
        }
        other => Problem::Internal(format!("a review: {other}")),
    }
}

/// The next piece of a file, and the file behind it.
fn piece(mut file: File) -> Result<Option<(Vec<u8>, File)>, std::io::Error> {
    let mut bytes = vec![0; PIECE];
    let read = std::io::Read::read(&mut file, &mut bytes)?;
    bytes.truncate(read);
    Ok((read > 0).then_some((bytes, file)))
}
