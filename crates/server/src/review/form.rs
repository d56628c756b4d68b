//! The forms of a review.

use std::io::{Error, Write};

use super::access_review::AccessReview;
use super::{csv, html, json};

/// The form of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewForm {
    /// A table for other programs.
    Csv,
    /// For the next review, and for other programs.
    Json,
    /// A page to read and to print.
    Html,
}

impl ReviewForm {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The end of a file's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

impl AccessReview {
    /// Writes all of it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn write(&self, form: ReviewForm, to: &mut dyn Write) -> Result<(), Error> {
        match form {
            ReviewForm::Csv => csv::write(self, to),
            ReviewForm::Json => json::write(self, to),
            ReviewForm::Html => html::write(self, to),
        }
    }
}
