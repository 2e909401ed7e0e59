//! How often who may call: whoever is known for themselves, everybody else by the address that they call from, so that no
//! stranger uses up what others may send.

use crate::doors::{Door, Need};
use crate::guard::Principal;
use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Requests per second of one caller, and how many may come at once.
const RATE: (u32, u32) = (100, 400);
/// The same for what is signed by itself, of one address: a forge sends in swarms, and nobody is known yet.
const SIGNED_RATE: (u32, u32) = (2_000, 4_000);
/// The same for attempts to sign in from one address, whoever makes them: nobody types faster, and guessing is slow.
const SIGN_IN_RATE: (u32, u32) = (5, 100);
/// Most callers of one kind that are told apart; more than these share one count, until some have been quiet.
const CALLERS_MAX: usize = 100_000;
/// How often it is looked for those who have been quiet, where there are that many.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// The network of one caller: 64 bits of an IPv6 address, within which everybody has as many addresses as they like.
const NETWORK: u128 = !0 << 64;

/// Where a trusted proxy says for whom it asks; what it adds itself stands last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The address that a call comes from: the connection's, or behind a trusted proxy the last one that it forwards.
pub(crate) fn address(peer: Option<Peer>, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    // Only a router that nobody serves has no peer.
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| address);
    let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back();
    let forwarded = forwarded.filter(|_| behind_proxy).and_then(|v| v.to_str().ok());
    let last = forwarded.and_then(|all| all.rsplit(',').next()).map(str::trim);
    let with_port = |text: &str| text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    last.and_then(|text| text.parse().ok().or_else(|| with_port(text)))
        .unwrap_or(peer)
}

/// Who is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// A person or a key.
    Known(String),
    /// Everybody at this address, or in this network.
    At(IpAddr),
    /// Everybody for whom there is no place.
    Rest,
}

impl Counted {
    fn at(address: IpAddr) -> Self {
        Counted::At(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        })
    }
}

/// How often each of many may do one kind of thing.
struct Pace {
    limits: DefaultKeyedRateLimiter<Counted>,
    forgot: Mutex<Option<Instant>>,
}

impl Pace {
    fn of((rate, burst): (u32, u32)) -> Self {
        let number = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            limits: RateLimiter::keyed(Quota::per_second(number(rate)).allow_burst(number(burst))),
            forgot: Mutex::new(None),
        }
    }

    /// Counts one more, or says how long to wait.
    fn count(&self, who: Counted) -> Result<(), Duration> {
        let who = if self.has_room() { who } else { Counted::Rest };
        let checked = self.limits.check_key(&who);
        checked.map_err(|not_until| not_until.wait_time_from(self.limits.clock().now()))
    }

    /// Whether one more can be told apart; whoever might send as much as anybody is forgotten first.
    fn has_room(&self) -> bool {
        if self.limits.len() < CALLERS_MAX {
            return true;
        }
        // One looks at a time, and now and then only: it takes as long as there are callers.
        if let Ok(mut forgot) = self.forgot.try_lock()
            && forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY)
        {
            self.limits.retain_recent();
            *forgot = Some(Instant::now());
        }
        self.limits.len() < CALLERS_MAX
    }
}

/// What is counted, each by itself: strangers take no place of those who are known.
pub(crate) struct Paces {
    known: Pace,
    strangers: Pace,
    signed: Pace,
    sign_ins: Pace,
}

impl Paces {
    /// Nobody has called yet.
    pub(crate) fn new() -> Self {
        Self {
            known: Pace::of(RATE),
            strangers: Pace::of(RATE),
            signed: Pace::of(SIGNED_RATE),
            sign_ins: Pace::of(SIGN_IN_RATE),
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// `too-many-requests`, with how long to wait.
    pub(crate) fn count(&self, door: &Door, principal: &Principal, from: IpAddr) -> Result<(), Problem> {
        let counted = match door.need {
            Need::Signature => self.signed.count(Counted::at(from)),
            Need::Nothing if is_sign_in(door) => self.sign_ins.count(Counted::at(from)),
            Need::Nothing | Need::PersonOrKey(..) | Need::Person(_) | Need::PersonLately(_) => {
                match principal {
                    Principal::Nobody => self.strangers.count(Counted::at(from)),
                    Principal::Person { .. } | Principal::Key { .. } => {
                        self.known.count(Counted::Known(principal.name()))
                    }
                }
            }
        };
        counted.map_err(|wait| {
            let text = "too many requests at once";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", text)
                .next("Wait a second, then go on more slowly.")
                .after(wait)
        })
    }
}

/// Whether somebody shows there who they are.
fn is_sign_in(door: &Door) -> bool {
    matches!(
        (door.method, door.path),
        ("POST", "/sign-in" | "/api/v1/sessions") | ("GET", crate::CALLBACK_PATH)
    )
}
