//! A workflow's trace: its ids are made of the workflow's own id, so that every process adds to the same trace, today and
//! after a restart, and nothing of it has to be stored.
//!
//! W3C Trace Context, <https://www.w3.org/TR/trace-context-2/>. Where nothing is exported, all of this does nothing.

use countersign_core::id::WorkflowId;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of the one event that says of a workflow that it has ended; with its `workflow` and its `state`.
pub const ENDED: &str = "countersign::workflow_ended";

/// The span that a whole workflow is: its trace is the ULID of the workflow's id, and it is that ULID's last 64 bits.
pub fn whole(workflow: &WorkflowId) -> SpanContext {
    let bits = workflow.bits().to_be_bytes();
    let last = u64::from_be_bytes([
        bits[8], bits[9], bits[10], bits[11], bits[12], bits[13], bits[14], bits[15],
    ]);
    SpanContext::new(
        TraceId::from_bytes(bits),
        SpanId::from(last),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// A span that begins becomes a part of its workflow's trace.
pub(crate) fn joins(span: &Span, workflow: &WorkflowId) {
    // Refused where nothing is exported.
    let _exported = span.set_parent(Context::new().with_remote_span_context(whole(workflow)));
}

/// A span that is about a workflow, and a part of another trace, points to the workflow's.
pub(crate) fn is_about(span: &Span, workflow: &WorkflowId) {
    span.add_link(whole(workflow));
}

/// What whoever is called in a span is told of it; `None` where it is not exported.
pub(crate) fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| {
        let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
        format!("00-{trace}-{id}-{flags:02x}")
    })
}
