//! How often anybody may do what. In memory; an attacker who makes the server restart gains a minute.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Error;
use crate::telemetry;

/// Seconds whose requests a connection may send in a burst.
const REQUEST_BURST: u32 = 6;

/// Keys a limiter may hold before those that are whole again are thrown out.
const KEYS: usize = 10_000;

/// Mails one address may be sent in an hour because somebody typed it: a few that went astray, not a flood.
const MAILS_PER_HOUR: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Mails that are looked after at once; one more is told to come back.
const MAILS_AT_ONCE: usize = 64;

/// The limits on plain requests that cost a password hash or a mail, or try a secret, and what each connection is
/// allowed.
pub struct Limits {
    requests_per_second: u32,
    by_address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    by_login: Option<DefaultKeyedRateLimiter<String>>,
    by_mail: DefaultKeyedRateLimiter<String>,
    mails: Arc<Semaphore>,
}

impl Limits {
    /// `per_minute` tries for each address and each login name, and so many requests of each connection; 0 is no limit.
    pub fn new(per_minute: u32, requests_per_second: u32) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self {
            requests_per_second,
            by_address: quota.map(RateLimiter::keyed),
            by_login: quota.map(RateLimiter::keyed),
            by_mail: RateLimiter::keyed(Quota::per_hour(MAILS_PER_HOUR)),
            mails: Arc::new(Semaphore::new(MAILS_AT_ONCE)),
        }
    }

    /// The limit of one more connection.
    pub fn of_connection(&self) -> RequestLimit {
        let quota = NonZeroU32::new(self.requests_per_second).map(|per_second| {
            let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(REQUEST_BURST - 1));
            Quota::per_second(per_second).allow_burst(burst)
        });
        RequestLimit(quota.map(RateLimiter::direct))
    }

    /// Counts one try from `from` with a secret that is no password.
    pub fn try_token(&self, from: IpAddr) -> Result<(), Error> {
        check(self.by_address.as_ref(), network(from))
    }

    /// Counts one mail to `email` that `from` asks for, whether there is anything to send or not. It may be looked
    /// after as long as the permit is kept.
    pub fn try_mail(&self, from: IpAddr, email: &str) -> Result<OwnedSemaphorePermit, Error> {
        self.try_token(from)?;
        check(Some(&self.by_mail), email.trim().to_lowercase())?;
        // Never closed.
        self.mails.clone().try_acquire_owned().map_err(|_| crate::chat::Error::Busy.into())
    }

    /// Counts one try from `from` to sign in as `login`.
    pub fn try_password(&self, from: IpAddr, login: &str) -> Result<(), Error> {
        check(self.by_address.as_ref(), network(from))?;
        check(self.by_login.as_ref(), login.trim().to_lowercase())
    }
}

fn check<K: Clone + Eq + std::hash::Hash>(
    limiter: Option<&DefaultKeyedRateLimiter<K>>,
    key: K,
) -> Result<(), Error> {
    let Some(limiter) = limiter else { return Ok(()) };
    if limiter.len() > KEYS {
        limiter.retain_recent();
    }
    limiter.check_key(&key).map_err(|_| {
        telemetry::RATE_LIMITED.add();
        Error::RateLimited
    })
}

/// Who counts as one: an IPv4 address, or the /64 that one IPv6 household has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// The limit on one connection's requests, if there is one.
pub struct RequestLimit(Option<DefaultDirectRateLimiter>);

impl RequestLimit {
    /// Counts one request.
    pub fn check(&self) -> Result<(), Error> {
        let Some(limit) = &self.0 else { return Ok(()) };
        limit.check().map_err(|_| {
            telemetry::RATE_LIMITED.add();
            Error::RateLimited
        })
    }
}

/// The address a request came from. A proxy on this machine (the peer is loopback) is believed when it says
/// for whom it asks; anybody else could claim anything.
pub struct ClientAddress(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let Some(peer) = peer else { return Err(Error::Malformed("the request has no address".to_owned())) };
        let forwarded = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        // The last entry is the one our own proxy added.
        let claimed = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
        Ok(Self(match claimed {
            Some(claimed) if peer.is_loopback() => claimed,
            _ => peer,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_run_out_by_name_and_by_address() {
        let limits = Limits::new(5, 20);
        let (home, work): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..5 {
            assert!(limits.try_password(home, "ana").is_ok());
        }
        assert!(limits.try_password(home, "ben").is_err(), "the address is used up");
        assert!(limits.try_password(work, " Ana ").is_err(), "the name is used up, however it is written");
        assert!(limits.try_password(work, "ben").is_ok());
    }

    #[test]
    fn a_connection_has_a_burst_and_no_limit_is_none() {
        let allowed = |limit: &RequestLimit| (0..1_000).filter(|_| limit.check().is_ok()).count();
        let burst = allowed(&Limits::new(1, 20).of_connection());
        assert!((120..200).contains(&burst), "{burst}");
        assert_eq!(allowed(&Limits::new(1, 0).of_connection()), 1_000);
    }

    #[test]
    fn nobody_is_sent_a_flood_of_mail() {
        let limits = Limits::new(0, 20);
        for number in 0..5 {
            let from = IpAddr::from([192, 0, 2, number]);
            assert!(limits.try_mail(from, "ana@example.org").is_ok());
        }
        assert!(limits.try_mail("192.0.2.9".parse().unwrap(), " Ana@example.org ").is_err());
        assert!(limits.try_mail("192.0.2.9".parse().unwrap(), "ben@example.org").is_ok());
    }

    #[test]
    fn one_household_is_one_address() {
        let limits = Limits::new(1, 20);
        assert!(limits.try_password("2001:db8::1".parse().unwrap(), "a").is_ok());
        assert!(limits.try_password("2001:db8::2".parse().unwrap(), "b").is_err());
        assert!(limits.try_password("2001:db8:0:1::1".parse().unwrap(), "c").is_ok());
    }
}
