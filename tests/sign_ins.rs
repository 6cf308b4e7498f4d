use std::time::Duration;

use cromulent::bench::client::Socket;
use cromulent::clock::{Clock, Timestamp};
use cromulent::config::Settings;
use cromulent::id::SessionId;
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{ServerInfo, Session, Sessions};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, TestUser, account, answer, refused};

const NEW: &str = "a wholly new sentence";

impl TestServer {
    async fn sign_ins_of(&self, who: &str) -> Vec<Session> {
        let reply = self.send(Method::GET, "/api/account/sessions", who, Value::Null).await;
        answer::<Sessions>(&reply).sessions
    }

    async fn signs_out_there(&self, who: &str, session: SessionId) -> hyper::StatusCode {
        let path = format!("/api/account/sessions/{session}");
        self.send(Method::DELETE, &path, who, Value::Null).await.status
    }

    async fn knows(&self, who: &str) -> bool {
        let reply = self.send(Method::GET, "/api/server", who, Value::Null).await;
        answer::<ServerInfo>(&reply).me.is_some()
    }
}

#[tokio::test]
async fn a_sign_in_is_ended_from_elsewhere_and_its_socket_and_its_voice_with_it() {
    let server = TestServer::start().await;
    let [mut here, mut ben] = server.users(["ana", "ben"]).await;
    let phone = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut there = TestUser::connect(&server, "ana", phone.clone()).await;
    let mut anas = there.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;

    let all = server.sign_ins_of(&here.cookie).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all.iter().filter(|one| one.current).count(), 1);
    let other = all.iter().find(|one| !one.current).unwrap();
    assert_eq!((other.kind.as_str(), other.address.as_str()), ("browser", "127.0.0.1"));
    assert_eq!(server.signs_out_there(&here.cookie, other.id).await, StatusCode::NO_CONTENT);

    assert_eq!(there.is_closed_with().await, close::SIGNED_OUT);
    ben.sees(|view| view.stay(anas.participant).is_none()).await;
    anas.is_over().await;
    bens.stops_hearing(anas.participant).await;
    assert!(!server.knows(&phone).await);
    assert!(Socket::connect(server.http().0, &phone).await.is_err());
    here.posts("still here").await;
    assert_eq!(server.sign_ins_of(&here.cookie).await.len(), 1);
}

#[tokio::test]
async fn voice_whose_socket_is_away_ends_with_its_sign_in_too() {
    let server = TestServer::start().await;
    let [ana, mut ben] = server.users(["ana", "ben"]).await;
    let phone = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut there = TestUser::connect(&server, "ana", phone).await;
    let mut anas = there.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;
    // The phone loses its network for a moment; its place is kept.
    there.socket.close(4000).await.unwrap();
    bens.hears(anas.participant, 20).await;
    let other = server.sign_ins_of(&ana.cookie).await.into_iter().find(|one| !one.current).unwrap();
    server.signs_out_there(&ana.cookie, other.id).await;
    anas.is_over().await;
    bens.stops_hearing(anas.participant).await;
}

#[tokio::test]
async fn signing_out_everywhere_leaves_nothing_open() {
    let server = TestServer::start().await;
    let mut here = server.user("ana").await;
    let phone = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut there = TestUser::connect(&server, "ana", phone.clone()).await;
    let mut ben = server.user("ben").await;
    let reply = server.send(Method::DELETE, "/api/account/sessions", &here.cookie, Value::Null).await;
    assert_eq!((reply.status, reply.cookie.as_deref()), (StatusCode::NO_CONTENT, Some("session=")));
    for one in [&mut here, &mut there] {
        assert_eq!(one.is_closed_with().await, close::SIGNED_OUT);
        assert!(!server.knows(&one.cookie).await);
    }
    ben.posts("others are not concerned").await;
}

#[tokio::test]
async fn nobody_sees_or_ends_the_sign_ins_of_others() {
    let server = TestServer::start().await;
    let [mut ana, ben] = server.users(["ana", "ben"]).await;
    let anas = server.sign_ins_of(&ana.cookie).await[0].id;
    assert!(server.sign_ins_of(&ben.cookie).await.iter().all(|one| one.id != anas));
    assert_eq!(server.signs_out_there(&ben.cookie, anas).await, StatusCode::NOT_FOUND);
    let odd = server.send(Method::DELETE, "/api/account/sessions/%00", &ben.cookie, Value::Null).await;
    assert_eq!(odd.status, StatusCode::NOT_FOUND);
    ana.posts("still here").await;
}

#[tokio::test]
async fn another_password_asks_for_the_present_one_and_ends_the_other_sign_ins() {
    let server = TestServer::start().await;
    let mut here = server.user("ana").await;
    let phone = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut there = TestUser::connect(&server, "ana", phone).await;
    let change = async |present: &str, new: &str| {
        let body = json!({ "password": present, "new_password": new });
        server.send(Method::PUT, "/api/account/password", &here.cookie, body).await
    };
    assert_eq!(refused(&change("not her password", NEW).await), ErrorCode::WrongPassword);
    assert_eq!(refused(&change(&"x".repeat(5000), NEW).await), ErrorCode::WrongPassword);
    assert_eq!(refused(&change(PASSWORD, "short").await), ErrorCode::Invalid);
    assert!(server.http().sign_in("ana", PASSWORD).await.is_ok());
    assert_eq!(change(PASSWORD, NEW).await.status, StatusCode::NO_CONTENT);
    assert_eq!(there.is_closed_with().await, close::SIGNED_OUT);
    here.posts("still here").await;
    assert!(server.http().sign_in("ana", NEW).await.is_ok());
    assert!(server.http().sign_in("ana", PASSWORD).await.is_err());
}

#[tokio::test]
async fn of_two_who_change_a_password_at_once_one_does() {
    let server = TestServer::start().await;
    let ana = server.user("ana").await;
    let change = |new: &str| {
        let body = json!({ "password": PASSWORD, "new_password": new });
        server.send(Method::PUT, "/api/account/password", &ana.cookie, body)
    };
    let (one, other) = tokio::join!(change("the first new sentence"), change("the other new sentence"));
    let done = [&one, &other].iter().filter(|reply| reply.status == StatusCode::NO_CONTENT).count();
    assert_eq!(done, 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn a_browser_forgets_a_sign_in_unless_it_is_told_to_remember() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    for (remember, kept) in [(json!(true), true), (json!(false), false), (Value::Null, false)] {
        let mut body = json!({ "login": "ana", "password": PASSWORD });
        if !remember.is_null() {
            body["remember"] = remember;
        }
        let reply = server.send(Method::POST, "/api/session", "", body).await;
        let cookie = reply.set_cookie.unwrap();
        assert_eq!(cookie.contains("Max-Age=5184000"), kept, "{cookie}");
        assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    }
}

#[tokio::test]
async fn a_sign_in_ends_after_its_days() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = TestServer::at(clock.clone(), |_| {}).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    clock.advance(Duration::from_secs(60 * 24 * 60 * 60 - 1));
    assert!(server.knows(&cookie).await);
    clock.advance(Duration::from_secs(1));
    assert!(!server.knows(&cookie).await);
}

#[tokio::test]
async fn a_user_has_so_many_sign_ins_and_the_longest_unused_ends() {
    let server = TestServer::start().await;
    let mut first = server.user("ana").await;
    let mut last = String::new();
    for _ in 0..50 {
        last = server.http().sign_in("ana", PASSWORD).await.unwrap();
    }
    assert_eq!(first.is_closed_with().await, close::SIGNED_OUT);
    assert_eq!(server.sign_ins_of(&last).await.len(), 50);
}

#[tokio::test]
async fn whoever_signs_in_gets_a_secret_that_nobody_chose() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let eves = server.http().register(&account("eve")).await.unwrap();
    for planted in [eves.as_str(), "session=0000000000000000000000000000000000000000000000000000000000000000"]
    {
        let body = json!({ "login": "ana", "password": PASSWORD });
        let reply = server.send(Method::POST, "/api/session", planted, body).await;
        assert_ne!(reply.cookie.as_deref(), Some(planted));
        assert!(server.knows(&reply.cookie.unwrap()).await);
        let reply = server.send(Method::GET, "/api/server", planted, Value::Null).await;
        assert!(answer::<ServerInfo>(&reply).me.is_none_or(|me| me.username == "eve"), "{planted}");
    }
}

/// Each costs tens of milliseconds of a core. One core works on them, some wait, and the rest is told to come back: a flood
/// of them must not be heard.
#[tokio::test]
async fn a_hundred_sign_ins_a_second_leave_voice_and_text_alone() {
    let server = TestServer::with(|settings| {
        settings.password_memory_kib = Settings::defaults().password_memory_kib;
        settings.password_passes = Settings::defaults().password_passes;
    })
    .await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;
    let (said, heard) = (anas.said(), bens.heard()[&anas.participant]);
    let mut flood = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for number in 0..300 {
        pace.tick().await;
        let http = server.http();
        let login = if number % 2 == 0 { "ana".to_owned() } else { format!("nobody{number}") };
        flood.push(tokio::spawn(async move { http.sign_in(&login, "not the password").await }));
        if number % 50 == 0 {
            ana.posts(&format!("still here after {number}")).await;
        }
    }
    let said = anas.said() - said;
    let mut refusals = std::collections::BTreeMap::<String, usize>::new();
    for one in flood {
        *refusals.entry(one.await.unwrap().unwrap_err().to_string()).or_default() += 1;
    }
    assert_eq!(refusals.values().sum::<usize>(), 300);
    assert!(
        refusals.keys().all(|why| why.contains("wrong_password") || why.contains("busy")),
        "{refusals:?}"
    );
    assert!(refusals.keys().any(|why| why.contains("busy")), "all were served: {refusals:?}");
    println!("{said} packets were said meanwhile; {refusals:?}");
    // Of what was said in this time at most one in a hundred is lost.
    assert!(said > 50, "nobody talked");
    let all = heard + said - said.div_ceil(100);
    bens.has_heard(anas.participant, all).await;
    ben.hears_that("still here after 250").await;
    // It passes, and the next one comes in.
    server.http().sign_in("ana", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_races_with_another_password_leaves_no_session_alive() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    let signing_in = futures_util::future::join_all((0..4).map(async |number| match number % 2 {
        0 => server.http().sign_in("ana", PASSWORD).await.ok(),
        _ => {
            let body = json!({ "email": "ana", "password": PASSWORD });
            let reply = server.send(Method::POST, "/api/auth/login", "", body).await;
            let tokens: Value = serde_json::from_str(&reply.body).unwrap();
            tokens["access_token"].as_str().map(|token| format!("Bearer {token}"))
        }
    }));
    let body = json!({ "password": PASSWORD, "new_password": NEW });
    let change = server.send(Method::PUT, "/api/account/password", &cookie, body);
    let (opened, changed) = tokio::join!(signing_in, change);
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    for one in opened.into_iter().flatten() {
        assert!(!server.knows(&one).await, "a sign-in with the old password is alive");
    }
    assert!(server.knows(&cookie).await);
}
