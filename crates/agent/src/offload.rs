//! Long computations off the async threads: on a thread of their own, with a large stack and a deadline.
//!
//! The stack is large because matching a syntax tree recurses with its depth, and the tree comes from outside
//! (`language::DEPTH_MAX` bounds it). Work that is given up is told so by [`Stop`] and ends at its next
//! check.

use crate::answer::{past_deadline, unavailable};
use countersign_ports::agent::AgentError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Stack of a working thread. Only touched pages cost memory.
const STACK_BYTES: usize = 64 << 20;

/// Tells work that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// # Errors
    /// When the call was given up; the error itself reaches nobody.
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(unavailable("agent-given-up", "the call was given up"));
        }
        Ok(())
    }
}

/// Raises the flag when the caller goes away, however it goes.
struct RaiseOnDrop(Stop);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on its own thread and waits for it until `deadline`.
///
/// # Errors
/// What `work` answers, or `Unavailable` when it takes too long, crashes or can't be started.
pub(crate) async fn offload<T, F>(deadline: Duration, work: F) -> Result<T, AgentError>
where
    T: Send + 'static,
    F: FnOnce(&Stop) -> Result<T, AgentError> + Send + 'static,
{
    let stop = Stop::default();
    let _raise = RaiseOnDrop(stop.clone());
    let (sender, receiver) = oneshot::channel();
    let body = move || {
        // Nobody listens when the call was given up; then the answer is of no use.
        let _ = sender.send(work(&stop));
    };
    std::thread::Builder::new()
        .name("agent".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(body)
        .map_err(|e| unavailable("agent-no-thread", format!("no thread could be started: {e}")))?;
    match tokio::time::timeout(deadline, receiver).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(unavailable(
            "agent-crashed",
            "the agent's computation crashed; see the log",
        )),
        Err(_) => Err(past_deadline(deadline.as_secs())),
    }
}
