//! How a workflow looks on a screen. Pure: facts in, pages out; no rule and no printing here.

pub(crate) mod around;
pub(crate) mod diff;
pub(crate) mod end;
pub(crate) mod gates;
pub(crate) mod hunks;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod restored;
pub(crate) mod review;
pub(crate) mod story;
pub(crate) mod typed;
pub(crate) mod waiting;
pub(crate) mod write;

pub(crate) use countersign_server::shown as seen;
pub(crate) use countersign_server::shown::waivers;
