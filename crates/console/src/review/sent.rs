//! A form that is sent with a file.
//!
//! The form's mark comes first: nothing else is taken of a form that no page of the console has sent. A file goes to
//! the disk piece by piece, so memory does not grow with it.

use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::entry::FORM_MARK;
use crate::query::Parameters;
use crate::visit::Visit;
use peppol_authz_server::http::{Overload, Problem};

/// The most bytes of a form with its file: a review of as many rights as the console lists.
pub(crate) const UPLOAD: usize = 512 << 20;

/// How long a form may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most bytes of a field that is no file.
const FIELD: usize = 8 << 10;

/// The most fields.
const FIELDS: usize = 16;

/// Bytes of a file that are written together.
const PIECE: usize = 1 << 20;

/// A form with a file.
pub(super) struct SentForm {
    pub(super) fields: Parameters,
    /// The file; `None` where none was chosen.
    pub(super) file: Option<File>,
}

/// Why a form is not taken.
pub(super) enum NotTaken {
    /// No page of the console has sent it.
    Foreign,
    Problem(Problem),
}

impl From<Problem> for NotTaken {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<MultipartError> for NotTaken {
    fn from(error: MultipartError) -> Self {
        Self::Problem(match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::BodyTooLarge(UPLOAD),
            _ => Problem::BodyNotRead("the form did not arrive whole"),
        })
    }
}

/// Takes a form in, whose field of this name is a file.
///
/// # Errors
/// A form of a stranger, one that is too long or comes too late, and too many at once.
pub(super) async fn sent(
    visit: &Visit,
    file: &str,
    request: Request,
) -> Result<SentForm, NotTaken> {
    let turn = visit.console.uploads.try_acquire();
    let _turn = turn.map_err(|_| Problem::Overloaded(Overload::LargeRequests))?;
    let taken = timeout(PATIENCE, taken(visit, file, request)).await;
    taken.unwrap_or_else(|_| Err(Problem::BodyNotRead("the form did not arrive in time").into()))
}

async fn taken(visit: &Visit, name: &str, request: Request) -> Result<SentForm, NotTaken> {
    // A form of another kind has no mark where it is looked for.
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| NotTaken::Foreign)?;
    let mark = form.next_field().await?;
    let mark = mark.filter(|field| field.name() == Some(FORM_MARK));
    let mark = text(mark.ok_or(NotTaken::Foreign)?).await?;
    if !visit.is_own_form(&mark) {
        return Err(NotTaken::Foreign);
    }
    let (mut fields, mut file) = (Parameters::default(), None);
    for _ in 0..FIELDS {
        let Some(field) = form.next_field().await? else {
            return Ok(SentForm { fields, file });
        };
        match field.name().map(str::to_owned) {
            Some(field_name) if field_name == name => file = kept(field).await?,
            Some(field_name) => fields = fields.with(&field_name, &text(field).await?),
            None => {}
        }
    }
    Err(Problem::BodyNotRead("the form has too many fields").into())
}

async fn text(mut field: Field<'_>) -> Result<String, NotTaken> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > FIELD {
            return Err(Problem::BodyTooLarge(FIELD).into());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a file to the disk; `None` where it is empty.
async fn kept(mut field: Field<'_>) -> Result<Option<File>, NotTaken> {
    let (mut file, mut bytes) = (None, Vec::new());
    while let Some(piece) = field.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() >= PIECE {
            file = Some(written(file, std::mem::take(&mut bytes)).await?);
        }
    }
    if !bytes.is_empty() {
        file = Some(written(file, bytes).await?);
    }
    if let Some(file) = &mut file {
        file.rewind().map_err(unkept)?;
    }
    Ok(file)
}

async fn written(file: Option<File>, bytes: Vec<u8>) -> Result<File, NotTaken> {
    let work = spawn_blocking(move || {
        let mut file = match file {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        file.write_all(&bytes)?;
        Ok::<_, std::io::Error>(file)
    });
    let written = work.await.map_err(std::io::Error::other);
    Ok(written.and_then(|it| it).map_err(unkept)?)
}

fn unkept(error: std::io::Error) -> Problem {
    Problem::Internal(format!("a file that was sent cannot be kept: {error}"))
}
