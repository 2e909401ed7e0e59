//! Connections: bounded in number, in the time that a request's head may take, and ended in order.

use crate::pace::Peer;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::Layer as _;

/// Most connections at a time; the next one waits.
pub const CONNECTIONS_MAX: usize = 20_000;
/// How long the head of a request may take to arrive.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// How long open requests may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait after the system refused a connection.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Serves `connections` at a time until `stop` says so, then lets open requests come to their end.
///
/// # Errors
/// When the socket can't be used any more.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: usize,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(connections.min(CONNECTIONS_MAX)));
    while !*stop.borrow() {
        let slot = Arc::clone(&slots).acquire_owned();
        let slot = tokio::select! {
            slot = slot => slot.map_err(io::Error::other)?,
            _ = stop.changed() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            }
        };
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX);
        let service = TowerToHyperService::new(Extension(Peer(peer.ip())).layer(router.clone()));
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let _open_ones_are_cut = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}
