//! How a workflow looks on a screen. Pure: facts in, pages out; no rule and no printing here. What the request's page shows as well
//! is made in `countersign_server::shown`, once for both.

pub(crate) mod diff;
pub(crate) mod end;
pub(crate) mod hunks;
pub(crate) mod restored;
pub(crate) mod review;
pub(crate) mod story;
pub(crate) mod typed;
pub(crate) mod waiting;

pub(crate) use countersign_server::shown as seen;
pub(crate) use countersign_server::shown::{around, gates, plan, policy, waivers, write};
