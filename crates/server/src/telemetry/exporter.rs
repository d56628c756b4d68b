//! The thread that sends what is in the outboxes.
//!
//! It has a runtime of its own, so that neither it nor the workers wait for each other.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;

use super::collector::{Collector, CollectorError, Signal};
use super::courier::{Courier, deliver};
use super::log_layer::{LogLayer, LoggedRecord, is_unheard_here, logs_message};
use super::messages::metrics::{ExportMetrics, ResourceMetrics, ScopeMetrics};
use super::messages::traces::{ExportTraces, ResourceSpans, ScopeSpans};
use super::openmetrics::MetricsText;
use super::outbox::{Outbox, SignalProgress, SignalStats};
use super::process::Process;
use super::spans::FinishedTrace;
use super::tracer::Tracer;
use crate::config::OtlpSettings;

/// Metrics that may wait: newer ones say more.
const METRICS: usize = 2;

/// The telemetry of this process.
pub struct Telemetry {
    tracer: Option<Arc<Tracer>>,
    log: Option<Outbox<LoggedRecord>>,
    metrics: Option<Outbox<MetricsText>>,
    metrics_interval: Duration,
    progress: Vec<Arc<SignalProgress>>,
    ending: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Telemetry {
    /// Starts to send what the settings name; `None` where they name no collector.
    ///
    /// # Errors
    /// A collector that cannot be used with these settings, or no thread.
    pub fn start(settings: &OtlpSettings) -> Result<Option<Arc<Self>>, CollectorError> {
        let Some(collector) = Collector::new(settings)? else {
            return Ok(None);
        };
        let process = Process::new(settings);
        let (ending, ends) = watch::channel(false);
        let (has_ended, ended) = watch::channel(false);
        let mut progress = Vec::new();
        let (traces, spans) = outbox(
            settings.traces,
            Signal::Traces,
            settings.queue,
            &mut progress,
        );
        let (metrics, texts) = outbox(settings.metrics, Signal::Metrics, METRICS, &mut progress);
        let (log, records) = outbox(settings.logs, Signal::Logs, settings.queue, &mut progress);
        let telemetry = Self {
            tracer: traces
                .clone()
                .map(|outbox| Arc::new(Tracer::new(settings.sample, outbox))),
            log: log.clone(),
            metrics: metrics.clone(),
            metrics_interval: settings.metrics_interval,
            progress,
            ending,
            ended,
        };
        let work = async move {
            let of = |signal| (collector.again(), signal, ends.clone());
            let spans = Courier::of(traces, spans, of(Signal::Traces));
            let texts = Courier::of(metrics, texts, of(Signal::Metrics));
            let records = Courier::of(log, records, of(Signal::Logs));
            tokio::join!(
                deliver(spans, |traces| traces_message(&process, traces)),
                deliver(texts, |texts| metrics_message(&process, texts)),
                deliver(records, |records| logs_message(&process, records)),
            );
            has_ended.send_replace(true);
        };
        let thread = |error: std::io::Error| CollectorError::Setting(format!("`otlp`: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(thread)?;
        std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                is_unheard_here();
                runtime.block_on(work);
            })
            .map_err(thread)?;
        Ok(Some(Arc::new(telemetry)))
    }

    /// Begins traces, if they are sent.
    #[must_use]
    pub fn tracer(&self) -> Option<Arc<Tracer>> {
        self.tracer.clone()
    }

    /// Takes the records of the log, if they are sent.
    #[must_use]
    pub fn log_layer(&self) -> Option<LogLayer> {
        self.log.clone().map(LogLayer::new)
    }

    /// Sends metrics again and again, as `gather` finds them, for ever.
    pub async fn follow<F: Future<Output = Option<String>>>(&self, gather: impl Fn() -> F) {
        let Some(metrics) = &self.metrics else {
            return std::future::pending().await;
        };
        let mut ticks = tokio::time::interval(self.metrics_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(text) = gather().await {
                metrics.offer(MetricsText::now(text));
            }
        }
    }

    /// How sending goes on, for metrics.
    #[must_use]
    pub fn stats(&self) -> Vec<SignalStats> {
        self.progress.iter().map(|signal| signal.stats()).collect()
    }

    /// Takes the metrics for the last time, and waits at most `within` until all is sent.
    pub async fn end(&self, last: Option<String>, within: Duration) {
        if let (Some(metrics), Some(text)) = (&self.metrics, last) {
            metrics.offer(MetricsText::now(text));
        }
        self.ending.send_replace(true);
        let mut ended = self.ended.clone();
        let ended = tokio::time::timeout(within, ended.wait_for(|ended| *ended)).await;
        if !matches!(ended, Ok(Ok(_))) {
            tracing::warn!("the last telemetry was not sent");
        }
    }
}

/// An outbox, if the signal is sent.
fn outbox<T>(
    is_sent: bool,
    signal: Signal,
    most: usize,
    progress: &mut Vec<Arc<SignalProgress>>,
) -> (Option<Outbox<T>>, Option<Receiver<T>>) {
    if !is_sent {
        return (None, None);
    }
    let (outbox, inbox) = Outbox::new(signal.name(), most);
    progress.push(outbox.progress());
    (Some(outbox), Some(inbox))
}

fn traces_message(process: &Process, traces: Vec<FinishedTrace>) -> Vec<u8> {
    let spans = traces.into_iter().flat_map(FinishedTrace::spans).collect();
    let scope_spans = ScopeSpans {
        scope: Some(Process::scope()),
        spans,
    };
    let resource_spans = ResourceSpans {
        resource: Some(process.resource()),
        scope_spans: vec![scope_spans],
    };
    let message = ExportTraces {
        resource_spans: vec![resource_spans],
    };
    message.encode_to_vec()
}

fn metrics_message(process: &Process, texts: Vec<MetricsText>) -> Vec<u8> {
    // The newest says all that those before it say.
    let newest = texts.into_iter().next_back();
    let metrics = newest.iter().flat_map(|text| text.metrics(process.started));
    let scope_metrics = ScopeMetrics {
        scope: Some(Process::scope()),
        metrics: metrics.collect(),
    };
    let resource_metrics = ResourceMetrics {
        resource: Some(process.resource()),
        scope_metrics: vec![scope_metrics],
    };
    let message = ExportMetrics {
        resource_metrics: vec![resource_metrics],
    };
    message.encode_to_vec()
}
