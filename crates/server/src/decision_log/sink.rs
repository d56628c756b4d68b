//! The target of lines.

use std::fs::File;
use std::io;

use super::batch::LineBatch;
use super::collected::CollectedLines;
use super::file::LogFile;
use super::pipe::{stdout, write};
use super::syslog::Syslog;
use crate::config::{DecisionLogSettings, LogTarget, OtlpSettings};

/// The target of lines.
pub(super) enum LogSink {
    Stdout(File),
    File(LogFile),
    Syslog(Syslog),
    Collector(CollectedLines),
}

impl LogSink {
    /// Opens the target of the settings, so that a fault is known at the start; `None` where there is none. Over
    /// a network it is not connected to yet.
    ///
    /// # Errors
    /// A target that cannot be used.
    pub(super) fn open(
        settings: &DecisionLogSettings,
        collector: &OtlpSettings,
    ) -> io::Result<Option<Self>> {
        Ok(Some(match &settings.to {
            LogTarget::Off => return Ok(None),
            LogTarget::Stdout => Self::Stdout(stdout()?),
            LogTarget::File(path) => {
                Self::File(LogFile::open(path, settings.rotate_bytes, settings.keep)?)
            }
            LogTarget::Syslog(server) => Self::Syslog(Syslog::new(server, settings)?),
            LogTarget::Otlp => Self::Collector(CollectedLines::new(collector)?),
        }))
    }

    /// Writes lines. If it fails, the batch knows how much is written, and the rest can be tried
    /// again. [`io::ErrorKind::WouldBlock`] is a target that takes nothing at present.
    pub(super) fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        match self {
            Self::Stdout(file) => loop {
                match batch.next(usize::MAX) {
                    [] => return Ok(()),
                    text => {
                        let written = write(file, text)?;
                        batch.advance(written);
                    }
                }
            },
            Self::File(file) => file.write(batch),
            Self::Syslog(syslog) => syslog.write(batch),
            Self::Collector(collector) => collector.write(batch),
        }
    }
}
