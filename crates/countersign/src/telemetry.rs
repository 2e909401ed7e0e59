//! Traces for a collector, over OTLP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>); off unless an address is set.
//!
//! Only spans of our own leave, with the names of what was done and the ids of what it was done to: never a log line, a
//! text of somebody's, or anything else that could hold a secret.

use countersign_core::id::WorkflowId;
use countersign_engine::trace::{ENDED, whole};
use opentelemetry::trace::{SpanId, SpanKind, Status, TracerProvider as _};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context as Around, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// How long the collector may take for an answer, and the end of the process for the last spans.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// What spans of ours are called after.
const OURS: &str = "countersign";

/// Exports until it is ended.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// To the collector at this address, such as `http://localhost:4318`.
    ///
    /// # Errors
    /// A plain sentence, where the exporter can't be made.
    pub(crate) fn to(collector: &str) -> Result<(Self, impl Layer<Registry> + use<>), String> {
        let client = reqwest::blocking::Client::builder()
            .timeout(ANSWERED_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| e.to_string())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
            .with_timeout(ANSWERED_WITHIN)
            .build()
            .map_err(|e| e.to_string())?;
        let watched = Watched {
            exporter,
            is_lost: AtomicBool::new(false),
        };
        let resource = Resource::builder()
            .with_service_name(OURS)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let mut processor = BatchSpanProcessor::builder(watched).build();
        processor.set_resource(&resource);
        let processor = Shared(Arc::new(processor));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(processor.clone())
            .build();
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(OURS))
            .with_filter(filter_fn(|about| about.is_span() && is_ours(about)));
        let ends = Ends(processor).with_filter(filter_fn(|about| about.target() == ENDED));
        Ok((Self { provider }, spans.and_then(ends)))
    }

    /// Sends what is left, as long as that may take.
    pub(crate) fn end(self) {
        // Whoever exports has said already that the collector can't be reached.
        let _unsent = self.provider.shutdown_with_timeout(ANSWERED_WITHIN);
    }
}

fn is_ours(about: &Metadata<'_>) -> bool {
    about.target().starts_with(OURS) && *about.level() <= Level::INFO
}

/// One processor for what the library hands over and for what is made here.
#[derive(Debug, Clone)]
struct Shared(Arc<BatchSpanProcessor>);

impl SpanProcessor for Shared {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

/// Says once that the collector doesn't take what is sent, and once that it does again.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    is_lost: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Watched {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(spans).await;
        let was_lost = self.is_lost.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !was_lost => {
                tracing::warn!(%error, "traces are lost: the collector at traces.endpoint doesn't take them");
            }
            Ok(()) if was_lost => tracing::warn!("traces are taken again"),
            Err(_) | Ok(()) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Makes the one span that a whole workflow is, when it ends; it is longer than any process that works on it.
struct Ends(Shared);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ends {
    fn on_event(&self, event: &Event<'_>, _: Around<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let Ok(workflow) = WorkflowId::parse(&said.workflow) else {
            return;
        };
        let began_ms = u64::try_from(workflow.bits() >> 80).unwrap_or_default();
        self.0.on_end(SpanData {
            span_context: whole(&workflow),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "workflow".into(),
            start_time: SystemTime::UNIX_EPOCH + Duration::from_millis(began_ms),
            end_time: SystemTime::now(),
            attributes: vec![
                KeyValue::new("workflow", said.workflow),
                KeyValue::new("state", said.state),
            ],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder(OURS).build(),
        });
    }
}

/// What the event says that a workflow ended with.
#[derive(Default)]
struct Said {
    workflow: String,
    state: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "workflow" => self.workflow = format!("{value:?}"),
            "state" => self.state = format!("{value:?}"),
            _other => {}
        }
    }
}
