//! The supervisor that has started this process, as systemd does with `Type=notify`.
//!
//! It receives datagrams on the socket that `NOTIFY_SOCKET` names: sd_notify(3). Where none is named, nobody
//! is told.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Tells the supervisor how far this process is.
pub(super) struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// The one of the environment. A socket that cannot be used is said in the log.
    pub(super) fn of_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self(None);
        };
        let bytes = name.as_encoded_bytes();
        let address = match bytes.strip_prefix(b"@") {
            Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name),
            None => SocketAddr::from_pathname(&name),
        };
        let opened = address.and_then(|address| Ok((UnixDatagram::unbound()?, address)));
        match opened {
            Ok(opened) => Self(Some(opened)),
            Err(error) => {
                tracing::warn!(%error, "the supervisor cannot be told anything: NOTIFY_SOCKET");
                Self(None)
            }
        }
    }

    /// It answers.
    pub(super) fn is_ready(&self) {
        self.tell("READY=1");
    }

    /// It was told to stop.
    pub(super) fn is_stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says that workers still work, twice in each period that the supervisor waits for it
    /// (`WATCHDOG_USEC`); never where it waits for nothing.
    pub(super) async fn watchdog(&self) {
        let Some(period) = watchdog_period() else {
            return std::future::pending().await;
        };
        let mut ticks = tokio::time::interval(period / 2);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // From a worker, so that it is silent where none is left.
            tokio::task::yield_now().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        if let Self(Some((socket, address))) = self
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::warn!(%error, state, "the supervisor was not told");
        }
    }
}

/// The period of the watchdog of this very process.
fn watchdog_period() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_own = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let period = Duration::from_micros(number("WATCHDOG_USEC").filter(|_| is_own)?);
    (period > Duration::from_millis(2)).then_some(period)
}
