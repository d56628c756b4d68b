//! Telemetry for an OpenTelemetry collector: traces, metrics, records of the log (OTLP).
//!
//! 1. A [`Tracer`] begins a [`Trace`] for each request, in the trace of its caller (`context`). It is recorded if
//!    the caller's is, or if it is one of the share that the settings name. The task that answers the request finds its trace by
//!    [`current`].
//! 2. What is to be sent goes into an `outbox`, which is bounded: what does not fit is dropped and counted, and no answer waits.
//! 3. One thread (`exporter`) takes it out, makes messages of it (`spans`, `openmetrics`, `log_layer`) and sends them (`collector`).
//!
//! Without a collector in the settings there is no tracer, and so no trace, no clock and no allocation.

mod client_tls;
mod collector;
mod context;
mod courier;
mod exporter;
mod log_layer;
pub mod messages;
mod openmetrics;
mod outbox;
mod process;
mod spans;
mod trace;
mod tracer;

pub use client_tls::{bare_host, client_tls};
pub use collector::{Collector, CollectorError, Signal};
pub use context::TraceContext;
pub use exporter::Telemetry;
pub use log_layer::LogLayer;
pub use openmetrics::MetricsText;
pub use outbox::SignalStats;
pub use process::{Process, nanoseconds};
pub use spans::RequestSpan;
pub use trace::{ClientCall, Trace, current, current_context};
pub use tracer::Tracer;
