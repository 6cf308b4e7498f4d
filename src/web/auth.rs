//! Who asks, and from which page: the session cookie and the origin check; or the access token of a program.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::cookie::CookieJar;

use super::Doors;
use super::error::Error;
use crate::chat::sessions::SignedIn;
use crate::chat::tokens::Token;
use crate::telemetry;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where people find the page, as far as the operator said.
#[derive(Clone, Debug)]
pub struct PublicUrl {
    /// `scheme://host[:port]`, or none: then whatever host the request names, over plain HTTP.
    origin: Option<String>,
}

impl PublicUrl {
    /// From the setting; a path or a slash at the end does not matter.
    pub fn new(setting: Option<&str>) -> Self {
        let origin = setting.map(|url| {
            let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
            let host = rest.split('/').next().unwrap_or_default();
            format!("{}://{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
        });
        Self { origin }
    }

    /// The address to print, given where the server listens.
    pub fn text(&self, listen: std::net::SocketAddr) -> String {
        match &self.origin {
            Some(origin) => origin.clone(),
            None if listen.ip().is_loopback() || listen.ip().is_unspecified() => {
                format!("http://localhost:{}", listen.port())
            }
            None => format!("http://{listen}"),
        }
    }

    fn is_secure(&self) -> bool {
        self.origin.as_deref().is_some_and(|origin| origin.starts_with("https://"))
    }

    /// Whether a request with these headers was made by our own page. A browser always sends `Origin` with
    /// what we ask this for (Fetch standard, section 3.2), so its absence is a no.
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = text(header::ORIGIN) else { return false };
        // A browser that knows more says more (Fetch Metadata, section 2.4); page scripts cannot set it.
        if text(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin") {
            return false;
        }
        match &self.origin {
            Some(ours) => origin.eq_ignore_ascii_case(ours),
            None => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some_and(|host| {
                    text(header::HOST).is_some_and(|ours| ours.eq_ignore_ascii_case(host))
                })
            }
        }
    }

    /// `__Host-` cookies need `Secure` (RFC 6265bis section 4.1.3), which plain HTTP cannot have everywhere.
    fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-session" } else { "session" }
    }

    /// The header that gives a browser its session.
    ///
    /// Without a time it is forgotten when the browser is closed.
    pub fn set_cookie(&self, token: &Token, lasts: Option<Duration>) -> String {
        self.cookie(token.text(), lasts)
    }

    /// The header that takes it away.
    pub fn clear_cookie(&self) -> String {
        self.cookie("", Some(Duration::ZERO))
    }

    fn cookie(&self, value: &str, lasts: Option<Duration>) -> String {
        let name = self.cookie_name();
        let age = lasts.map(|lasts| format!("; Max-Age={}", lasts.as_secs())).unwrap_or_default();
        let secure = if self.is_secure() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")
    }
}

/// Lets only our own pages do anything but look. The WebSocket counts as doing: CORS does not cover it. A program
/// that shows an access token is let through: no page of another site can send that header to us (Fetch standard,
/// section 4.8), and with it the cookie does not count.
pub async fn same_origin(
    State(doors): State<Arc<Doors>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let by_token = request.headers().contains_key(header::AUTHORIZATION);
    if (!looks || upgrades) && !by_token && !doors.public.is_ours(request.headers()) {
        telemetry::WRONG_ORIGINS.add();
        return Err(Error::WrongOrigin);
    }
    Ok(next.run(request).await)
}

/// Whoever is signed in, by the cookie; a handler that takes this is for them alone.
pub struct CurrentUser(pub SignedIn);

/// Whoever is signed in, if anybody.
pub struct MaybeUser(pub Option<SignedIn>);

impl FromRequestParts<Arc<Doors>> for MaybeUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Error> {
        if let Some(given) = parts.headers.get(header::AUTHORIZATION) {
            let token = given.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
            return match token {
                Some(token) => Ok(Self(doors.chat.authenticate(&Token::from_text(token.trim())).await?)),
                None => Ok(Self(None)),
            };
        }
        let jar = CookieJar::from_headers(&parts.headers);
        match jar.get(doors.public.cookie_name()) {
            Some(cookie) => Ok(Self(doors.chat.authenticate(&Token::from_text(cookie.value())).await?)),
            None => Ok(Self(None)),
        }
    }
}

impl FromRequestParts<Arc<Doors>> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Error> {
        let MaybeUser(signed_in) = MaybeUser::from_request_parts(parts, doors).await?;
        signed_in.map(Self).ok_or(Error::SignedOut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&str>, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn without_a_setting_the_page_is_where_the_request_went() {
        let public = PublicUrl::new(None);
        assert!(public.is_ours(&headers(Some("http://localhost:8080"), "localhost:8080")));
        for origin in [None, Some("null"), Some("http://evil.example"), Some("http://localhost:8081")] {
            assert!(!public.is_ours(&headers(origin, "localhost:8080")), "{origin:?}");
        }
    }

    #[test]
    fn a_browser_that_says_cross_site_is_believed() {
        let mut headers = headers(Some("http://localhost:8080"), "localhost:8080");
        headers.insert(SEC_FETCH_SITE, "same-origin".parse().unwrap());
        assert!(PublicUrl::new(None).is_ours(&headers));
        headers.insert(SEC_FETCH_SITE, "cross-site".parse().unwrap());
        assert!(!PublicUrl::new(None).is_ours(&headers));
    }

    #[test]
    fn with_a_setting_only_that_page_is_ours() {
        let public = PublicUrl::new(Some("https://Chat.example.org/"));
        assert!(public.is_ours(&headers(Some("https://chat.example.org"), "127.0.0.1:8080")));
        for origin in
            ["http://chat.example.org", "https://chat.example.org.evil.example", "http://127.0.0.1:8080"]
        {
            assert!(!public.is_ours(&headers(Some(origin), "127.0.0.1:8080")), "{origin}");
        }
    }

    #[test]
    fn a_cookie_over_https_is_bound_to_the_host_and_to_https() {
        let token = Token::from_text("abc");
        let secure = PublicUrl::new(Some("https://chat.example.org"))
            .set_cookie(&token, Some(Duration::from_secs(60)));
        assert_eq!(secure, "__Host-session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
        let forgotten = PublicUrl::new(None).set_cookie(&token, None);
        assert_eq!(forgotten, "session=abc; Path=/; HttpOnly; SameSite=Lax");
        let plain = PublicUrl::new(None).clear_cookie();
        assert_eq!(plain, "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
