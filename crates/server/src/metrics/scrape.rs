//! `GET /metrics`: what was counted, and what the store knows at this moment, as OpenMetrics text 1.0
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//!
//! What the store knows is made anew for each scrape, so that nothing stays that is not there any more.

use super::{EFFECT_KINDS, Labels, Metrics, PREFIX, label};
use crate::house::House;
use crate::problem::Problem;
use axum::extract;
use axum::http::header;
use axum::response::IntoResponse;
use countersign_core::time::Timestamp;
use countersign_core::workflow::State;
use countersign_ports::store::Tally;
use prometheus_client::encoding::EncodeGaugeValue;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Numbers<const N: usize> = Family<Labels<N>, Gauge<u64, AtomicU64>>;
type Ages<const N: usize> = Family<Labels<N>, Gauge<f64, AtomicU64>>;

/// The handler.
pub(crate) async fn scrape(
    extract::State(house): extract::State<Arc<House>>,
) -> Result<impl IntoResponse, Problem> {
    let tally = house.store.tally().await?;
    let mut now = Registry::with_prefix(PREFIX);
    workflows(&mut now, &tally);
    effects(&mut now, &tally);
    inputs(&mut now, &tally);
    holds(&mut now, &tally);
    number(
        &mut now,
        "live_streams",
        "Streams of live events that are open",
        house.pulse.streams_open(),
    );
    Ok((
        [(header::CONTENT_TYPE, OPENMETRICS)],
        written(&house.metrics, &now),
    ))
}

fn written(metrics: &Metrics, now: &Registry) -> String {
    let mut text = String::new();
    encode_registry(&mut text, &metrics.registry)
        .and_then(|()| encode_registry(&mut text, now))
        .and_then(|()| encode_eof(&mut text))
        .expect("because a String takes everything that is written into it");
    text
}

fn workflows(all: &mut Registry, tally: &Tally) {
    let by_state = Numbers::<1>::default();
    for state in State::ALL {
        let number = tally.workflows.get(&state).copied().unwrap_or(0);
        by_state
            .get_or_create(&[label("state", state.as_str())])
            .set(number);
    }
    all.register(
        "workflows",
        "Workflows by where they are, of the newest 10,000",
        by_state,
    );
    number(
        all,
        "requests_open",
        "Requests that wait for people",
        tally.open_requests,
    );
    let since = tally.waiting_since;
    age(
        all,
        "request_wait",
        "How long nothing has moved where a person has been waited for the longest",
        tally.at,
        since,
    );
}

fn effects(all: &mut Registry, tally: &Tally) {
    let (outstanding, oldest) = (Numbers::<1>::default(), Ages::<1>::default());
    for kind in EFFECT_KINDS {
        outstanding.get_or_create(&[label("kind", kind)]).set(0);
        oldest.get_or_create(&[label("kind", kind)]).set(0.0);
    }
    for effect in &tally.effects {
        let labels = [("kind", Cow::Owned(effect.kind.clone()))];
        outstanding.get_or_create(&labels).set(effect.outstanding);
        oldest
            .get_or_create(&labels)
            .set(seconds(effect.due_since, tally.at));
    }
    all.register(
        "effects_outstanding",
        "Effects that are to be done or are being done",
        outstanding,
    );
    let help = "How long the oldest outstanding effect has been due";
    all.register_with_unit("effect_age", help, Unit::Seconds, oldest);
}

fn inputs(all: &mut Registry, tally: &Tally) {
    number(
        all,
        "inputs_pending",
        "Inputs that nobody has judged yet",
        tally.pending_inputs,
    );
    let help = "Inputs that can't be judged; each holds its workflow closed";
    number(all, "inputs_held", help, tally.held_inputs);
    let help = "How long the oldest item has lain that a worker could take";
    age(all, "unclaimed_work_age", help, tally.at, tally.unclaimed_since);
}

fn holds(all: &mut Registry, tally: &Tally) {
    let (size, sealed) = tally.ledger_size;
    number(
        all,
        "alarms_open",
        "Alarms that nobody has cleared",
        tally.open_alarms,
    );
    number(all, "freezes", "What is frozen", tally.freezes);
    number(all, "ledger_entries", "Leaves in the ledger", size);
    let unsealed = size.saturating_sub(sealed);
    number(
        all,
        "ledger_entries_unsealed",
        "Leaves that no signed checkpoint covers yet",
        unsealed,
    );
}

fn number<N>(all: &mut Registry, name: &str, help: &str, value: N)
where
    N: EncodeGaugeValue + Debug + Send + Sync + 'static,
{
    all.register(name, help, ConstGauge::new(value));
}

/// 0 where there is nothing that could have an age.
fn age(all: &mut Registry, name: &str, help: &str, at: Timestamp, since: Option<Timestamp>) {
    let age = since.map_or(0.0, |since| seconds(since, at));
    all.register_with_unit(name, help, Unit::Seconds, ConstGauge::new(age));
}

fn seconds(since: Timestamp, at: Timestamp) -> f64 {
    std::time::Duration::from_millis(at.0.saturating_sub(since.0)).as_secs_f64()
}
