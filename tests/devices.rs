use std::time::Duration;

use cromulent::bench::client::{Reply, Socket};
use cromulent::clock::{Clock, Timestamp};
use cromulent::protocol::close;
use cromulent::protocol::devices::{AutoSignedIn, DeviceDone, DeviceRefused, DeviceSignedIn, DeviceVerified};
use cromulent::protocol::rest::{AuditPage, Session, Sessions};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, TestUser, account, answer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl TestServer {
    /// A request of a program: no page, no cookie.
    async fn program(&self, path: &str, body: Value) -> Reply {
        self.http().send_from(None, Method::POST, path, None, body.to_string()).await.unwrap()
    }

    async fn logs_in(&self) -> DeviceSignedIn {
        let body = json!({ "email": "ana@example.org", "password": PASSWORD, "device_name": "Desk", "device_type": "electron" });
        answer(&self.program("/api/auth/login", body).await)
    }

    async fn with_token(&self, verb: &str, token: &str) -> Reply {
        self.program(&format!("/api/auth/{verb}"), json!({ "refresh_token": token })).await
    }

    async fn auto_login(&self, token: &str) -> Reply {
        self.send(Method::POST, "/auto_login", "", json!({ "refresh_token": token })).await
    }

    async fn devices_of(&self, who: &str) -> Vec<Session> {
        let reply = self.send(Method::GET, "/api/account/sessions", who, Value::Null).await;
        answer::<Sessions>(&reply).sessions
    }
}

fn refused_with(reply: &Reply) -> (StatusCode, String) {
    let refused: DeviceRefused = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{reply:?}"));
    assert!(!refused.success);
    (reply.status, refused.error)
}

fn is_dead(reply: &Reply) {
    assert_eq!(refused_with(reply), (StatusCode::UNAUTHORIZED, "Invalid or expired token".to_owned()));
}

fn bearer(tokens: &DeviceSignedIn) -> String {
    format!("Bearer {}", tokens.access_token)
}

#[tokio::test]
async fn a_program_signs_in_and_is_somebody() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let tokens = server.logs_in().await;
    assert!(tokens.success);
    assert_eq!((tokens.user.email.as_str(), tokens.user.username.as_str()), ("ana@example.org", "ana"));
    assert_eq!(tokens.refresh_token.len(), 64);

    let verified: DeviceVerified = answer(&server.with_token("verify", &tokens.refresh_token).await);
    assert_eq!((verified.success, verified.user.id), (true, tokens.user.id));

    // Over the one socket it does what a page does, without a cookie and whatever its origin.
    let mut bot = TestUser::connect(&server, "ana", bearer(&tokens)).await;
    assert_eq!(bot.snapshot.me, tokens.user.id);
    bot.posts("hello from a program").await;
    let all = server.devices_of(&bearer(&tokens)).await;
    let mine = all.iter().find(|one| one.current).unwrap();
    assert_eq!((mine.kind.as_str(), mine.device.as_str()), ("electron", "Desk"));

    let done: DeviceDone = answer(&server.with_token("logout", &tokens.refresh_token).await);
    assert!(done.success);
    assert_eq!(bot.is_closed_with().await, close::SIGNED_OUT);
    is_dead(&server.with_token("verify", &tokens.refresh_token).await);
    assert!(Socket::connect(server.http().0, &bearer(&tokens)).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_words_that_clients_know() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let login = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        async move { body }
    };
    for (email, password) in [("ana@example.org", "not her password"), ("nobody@example.org", PASSWORD)] {
        let reply = server.program("/api/auth/login", login(email, password).await).await;
        assert_eq!(
            refused_with(&reply),
            (StatusCode::UNAUTHORIZED, "Invalid email or password".to_owned()),
            "{email}"
        );
    }
    for body in [json!({}), json!({ "email": "ana@example.org" }), json!([]), json!("x")] {
        let reply = server.program("/api/auth/login", body).await;
        assert_eq!(refused_with(&reply).0, StatusCode::BAD_REQUEST);
    }
    for token in ["", "x", &"0".repeat(64)] {
        is_dead(&server.with_token("verify", token).await);
        is_dead(&server.with_token("refresh", token).await);
        is_dead(&server.auto_login(token).await);
        let done: DeviceDone = answer(&server.with_token("logout", token).await);
        assert!(done.success);
    }
}

#[tokio::test]
async fn tokens_are_renewed_and_the_old_ones_open_nothing() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let first = server.logs_in().await;
    let mut bot = TestUser::connect(&server, "ana", bearer(&first)).await;
    let second: DeviceSignedIn = answer(&server.with_token("refresh", &first.refresh_token).await);
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(Socket::connect(server.http().0, &bearer(&first)).await.is_err());
    assert!(Socket::connect(server.http().0, &bearer(&second)).await.is_ok());
    // The same sign-in: what it has open stays so.
    bot.posts("still here").await;
    assert_eq!(server.devices_of(&bearer(&second)).await.len(), 2);
}

#[tokio::test]
async fn a_token_that_comes_twice_ends_the_whole_sign_in() {
    let server = TestServer::start().await;
    let admin = server.admin("root").await;
    server.http().register(&account("ana")).await.unwrap();
    for verb in ["refresh", "verify"] {
        let first = server.logs_in().await;
        let second: DeviceSignedIn = answer(&server.with_token("refresh", &first.refresh_token).await);
        let mut bot = TestUser::connect(&server, "ana", bearer(&second)).await;
        let mut call = bot.joins_voice().await;
        // Somebody has a copy of the first one.
        is_dead(&server.with_token(verb, &first.refresh_token).await);
        assert_eq!(bot.is_closed_with().await, close::SIGNED_OUT);
        call.is_over().await;
        is_dead(&server.with_token("refresh", &second.refresh_token).await);
        assert!(Socket::connect(server.http().0, &bearer(&second)).await.is_err());
    }
    let log: AuditPage = answer(&server.send(Method::GET, "/api/audit", &admin.cookie, Value::Null).await);
    assert_eq!(log.entries.iter().filter(|entry| entry.action.text() == "token_reused").count(), 2);
}

#[tokio::test]
async fn of_many_who_renew_with_one_token_one_does_and_then_nobody_is_signed_in() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let token = server.logs_in().await.refresh_token;
    let http = server.http();
    let tries: Vec<_> = (0..10)
        .map(|_| {
            let body = json!({ "refresh_token": token }).to_string();
            tokio::spawn(async move {
                http.send_from(None, Method::POST, "/api/auth/refresh", None, body).await.unwrap()
            })
        })
        .collect();
    let mut winners = Vec::new();
    for one in tries {
        let reply = one.await.unwrap();
        if reply.status.is_success() {
            winners.push(answer::<DeviceSignedIn>(&reply));
        }
    }
    assert_eq!(winners.len(), 1);
    is_dead(&server.with_token("refresh", &winners[0].refresh_token).await);
}

#[tokio::test]
async fn a_program_opens_its_page_and_one_ends_with_the_other() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let first = server.logs_in().await;
    let reply = server.auto_login(&first.refresh_token).await;
    let page: AutoSignedIn = answer(&reply);
    assert!(page.success);
    assert!(!reply.set_cookie.as_ref().unwrap().contains("Max-Age"), "{reply:?}");
    let mut shown = TestUser::connect(&server, "ana", reply.cookie.unwrap()).await;
    shown.posts("hello from the page of a program").await;

    // It shows one page: the next one takes the place of the first.
    let reply = server.auto_login(&page.refresh_token).await;
    let again: AutoSignedIn = answer(&reply);
    assert_eq!(shown.is_closed_with().await, close::SIGNED_OUT);
    let mut shown = TestUser::connect(&server, "ana", reply.cookie.unwrap()).await;

    server.with_token("logout", &again.refresh_token).await;
    assert_eq!(shown.is_closed_with().await, close::SIGNED_OUT);
    is_dead(&server.auto_login(&again.refresh_token).await);
}

#[tokio::test]
async fn no_other_site_signs_a_browser_into_an_account_of_its_own() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let token = server.logs_in().await.refresh_token;
    let body = json!({ "refresh_token": token }).to_string();
    for origin in [None, Some("http://evil.example"), Some("null")] {
        let http = server.http();
        let reply = http.send_from(origin, Method::POST, "/auto_login", None, body.clone()).await.unwrap();
        assert_eq!((reply.status, reply.cookie), (StatusCode::FORBIDDEN, None), "{origin:?}");
    }
    assert!(server.auto_login(&token).await.status.is_success(), "the token was spent by a refusal");
}

#[tokio::test]
async fn an_access_token_lasts_a_day_and_a_refresh_token_sixty_from_its_last_use() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = TestServer::at(clock.clone(), |_| {}).await;
    server.http().register(&account("ana")).await.unwrap();
    let first = server.logs_in().await;
    let me = |tokens: &DeviceSignedIn| {
        let who = bearer(tokens);
        let server = &server;
        async move { server.send(Method::GET, "/api/account", &who, Value::Null).await.status }
    };
    assert_eq!(first.access_expires_at, server.clock.now() + DAY);
    assert_eq!(me(&first).await, StatusCode::OK);
    clock.advance(DAY);
    assert_eq!(me(&first).await, StatusCode::UNAUTHORIZED);
    clock.advance(DAY * 58);
    let second: DeviceSignedIn = answer(&server.with_token("refresh", &first.refresh_token).await);
    clock.advance(DAY * 59);
    let third: DeviceSignedIn = answer(&server.with_token("refresh", &second.refresh_token).await);
    assert_eq!(me(&third).await, StatusCode::OK);
    clock.advance(DAY * 60);
    is_dead(&server.with_token("refresh", &third.refresh_token).await);
}

#[tokio::test]
async fn the_cookie_does_not_count_beside_a_token_and_a_wrong_token_is_nobody() {
    let server = TestServer::start().await;
    let ana = server.user("ana").await;
    for token in ["Bearer x", "Bearer "] {
        let reply = server.send(Method::GET, "/api/account", token, Value::Null).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    // The cookie's secret is not the secret of a program's header by accident: it is one sign-in, shown elsewhere.
    let secret = ana.cookie.split('=').nth(1).unwrap();
    let reply = server.send(Method::GET, "/api/account", &format!("Bearer {secret}"), Value::Null).await;
    assert_eq!(reply.status, StatusCode::OK);
}
