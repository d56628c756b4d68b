//! The arguments of `health`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use peppol_authz_engine::text::duration;
use peppol_authz_server::config::Flags;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz health                                     as the settings of `serve` say
  peppol-authz health --ready --listen unix:/run/authz/authz.sock
  peppol-authz health --ready --url http://127.0.0.1:8180

Exit codes: 0 it answers that it is well; 1 it does not, and one line says why.")]
pub(in crate::cli) struct HealthArgs {
    /// The address that the sidecar answers on: `IP:PORT` or `unix:PATH` [default: the setting `admin.listen`, or else `listen`]
    #[arg(long, value_name = "ADDR", conflicts_with = "url")]
    pub(in crate::cli) listen: Option<String>,
    /// The same as a URL, `http://HOST:PORT` or `https://…`; no settings are read then
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// A PEM file of certificates that vouch for an `https` URL, in place of the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(in crate::cli) ca: Option<PathBuf>,
    /// Ask if it can answer questions (`/readyz`), and not only if it runs (`/healthz`)
    #[arg(long)]
    pub(in crate::cli) ready: bool,
    /// The longest time that the answer may take
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = length)]
    pub(in crate::cli) timeout: Duration,
    /// A TOML file of settings; flags and `PEPPOL_AUTHZ_…` variables win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

// === impl HealthArgs ===

impl HealthArgs {
    /// Those that are flags of the settings.
    pub(in crate::cli) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            ..Flags::default()
        }
    }
}

fn length(text: &str) -> Result<Duration, &'static str> {
    let length = duration::parse(text).filter(|length| !length.is_zero());
    length.ok_or("a length of time is wanted, as `500ms` or `2s`")
}
