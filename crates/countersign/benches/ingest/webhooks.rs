//! Deliveries of GitHub's webhooks, a fifth of them repeats and a twentieth forged, in random order: as fast as clients can,
//! and paced, each one's time counted from when it was due.

use super::{Served, quantile, rate};
use countersign_testkit::github::{GitHub, Permission, Scope};
use reqwest::{Client, StatusCode};
use ring::hmac;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deliveries a second, where they are paced.
const PACED: u64 = 500;
/// For how long.
const PACED_SECONDS: u64 = 10;
/// Bytes that stand around what is read of a payload: GitHub's have 10 to 30 KiB.
const AROUND: usize = 20 << 10;
/// The repository's number.
const HELLO: u64 = 1_296_269;

struct Delivery {
    name: String,
    body: String,
    signature: String,
    answer: StatusCode,
}

fn delivery(n: u64, forged: bool) -> Delivery {
    let body =
        json!({"action": "completed", "n": n, "repository": {"id": HELLO}, "around": "x".repeat(AROUND)});
    let secret = if forged { "something else" } else { super::SECRET };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let body = body.to_string();
    Delivery {
        name: format!("d-{n}"),
        signature: format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes()))),
        body,
        answer: if forged {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::ACCEPTED
        },
    }
}

/// The mix, from that number on.
fn mixed(from: u64, count: u64) -> Arc<Vec<Delivery>> {
    let mut dice = from + 1;
    let mut below = |end: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % end
    };
    let made = (0..count).map(|n| match below(20) {
        0 => delivery(from + n, true),
        1..=4 => delivery(from + below(n + 1), false),
        _new => delivery(from + n, false),
    });
    Arc::new(made.collect())
}

async fn send(client: &Client, served: &Served, delivery: &Delivery) {
    let sent = client
        .post(format!("{}/api/v1/webhooks/github", served.url))
        .header("content-type", "application/json")
        .header("x-github-event", "check_run")
        .header("x-github-delivery", &delivery.name)
        .header("x-hub-signature-256", &delivery.signature)
        .body(delivery.body.clone());
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), delivery.answer);
    answer.bytes().await.unwrap();
}

/// What is measured, beside that many single commits a second.
pub(crate) async fn measured(count: u64, clients: u64, commit_rate: f64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let github = GitHub::start(folder.path());
    github.change(|w| {
        w.account(7, "octo");
        w.token("a-token", 7, Scope::ReadWrite);
    });
    github.repository(HELLO, 7, "hello", &[("a.txt", "one\n")]);
    github.change(|w| w.repository_mut(HELLO).members.insert(7, Permission::Admin));
    let served = Arc::new(Served::start_at(&github));
    let (wall, all) = flood(&served, count, clients).await;
    let paced = paced(&served, count).await;
    let per_second = rate(&all, wall);
    json!({
        "per_second": per_second,
        "p50_ms": quantile(&all, 50),
        "p99_ms": quantile(&all, 99),
        "to_single_commits": per_second / commit_rate,
        "paced": {
            "per_second": PACED,
            "p50_ms": quantile(&paced, 50),
            "p99_ms": quantile(&paced, 99),
        },
    })
}

async fn flood(served: &Arc<Served>, count: u64, clients: u64) -> (Duration, Vec<Duration>) {
    let deliveries = mixed(0, count);
    let began = Instant::now();
    let working = (0..clients).map(|first| {
        let (served, deliveries) = (served.clone(), deliveries.clone());
        tokio::spawn(async move {
            let (client, mut times) = (Client::new(), Vec::new());
            let own = deliveries.iter().skip(usize::try_from(first).unwrap());
            for delivery in own.step_by(usize::try_from(clients).unwrap()) {
                let began = Instant::now();
                send(&client, &served, delivery).await;
                times.push(began.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for client in working.collect::<Vec<_>>() {
        times.extend(client.await.unwrap());
    }
    let wall = began.elapsed();
    times.sort_unstable();
    (wall, times)
}

/// A sender that is late counts against the server.
async fn paced(served: &Arc<Served>, from: u64) -> Vec<Duration> {
    let deliveries = mixed(from, PACED * PACED_SECONDS);
    let client = Client::new();
    let began = Instant::now();
    let mut sent = Vec::new();
    for n in 0..deliveries.len() {
        let due = began + Duration::from_secs(1) * u32::try_from(n).unwrap() / u32::try_from(PACED).unwrap();
        tokio::time::sleep_until(due.into()).await;
        let (client, served, deliveries) = (client.clone(), served.clone(), deliveries.clone());
        sent.push(tokio::spawn(async move {
            send(&client, &served, &deliveries[n]).await;
            due.elapsed()
        }));
    }
    let mut times = Vec::new();
    for one in sent {
        times.push(one.await.unwrap());
    }
    times.sort_unstable();
    times
}
