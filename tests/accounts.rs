use cromulent::bench::client::{Error, Http, Socket, refusal};
use cromulent::config::Registration;
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{Register, ServerInfo};
use cromulent::protocol::types::Role;
use cromulent::telemetry::PASSWORD_HASHES;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::support::{PASSWORD, TestServer, TestUser, account};

fn code(result: Result<String, Error>) -> ErrorCode {
    match result {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

async fn who_am_i(http: Http, cookie: &str) -> ServerInfo {
    let reply = http.send(Method::GET, "/api/server", Some(cookie), String::new()).await.unwrap();
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn somebody_registers_signs_out_and_signs_in_again_by_name_or_address() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("Ana")).await.unwrap();
    assert_eq!(who_am_i(server.http(), &cookie).await.me.unwrap().username, "Ana");

    let reply =
        server.http().send(Method::DELETE, "/api/session", Some(&cookie), String::new()).await.unwrap();
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(who_am_i(server.http(), &cookie).await.me.is_none(), "the old cookie still works");

    for login in ["Ana", "ana", "ana@example.org", " ANA@Example.org "] {
        let cookie = server.http().sign_in(login, PASSWORD).await.unwrap();
        assert_eq!(who_am_i(server.http(), &cookie).await.me.unwrap().username, "Ana", "{login}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let wrong = server.http().sign_in("ana", "correct horse batterz").await;
    let unknown = server.http().sign_in("nobody", PASSWORD).await;
    let long = server.http().sign_in("ana", &"x".repeat(5000)).await;
    assert_eq!([code(wrong), code(unknown), code(long)], [ErrorCode::WrongPassword; 3]);
}

#[tokio::test]
async fn whoever_it_is_for_a_sign_in_that_fails_costs_one_hash() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    for name in ["ana", "ben"] {
        server.http().register(&account(name)).await.unwrap();
    }
    let ben = TestUser::connect(&server, "root", root.cookie.clone()).await.id_of("ben");
    let path = format!("/api/users/{ben}/access");
    let shut_out = server.send(Method::PUT, &path, &root.cookie, json!({ "disabled": true })).await;
    assert!(shut_out.status.is_success());
    // The time of a sign-in is that of its hashes; everything else is a row or none.
    for login in
        ["ana", "ana@example.org", "nobody", "nobody@example.org", "ben", "", "\0", "%", "' or 1=1 --"]
    {
        for (path, name) in [("/api/session", "login"), ("/api/auth/login", "email")] {
            let before = PASSWORD_HASHES.get();
            let body = json!({ name: login, "password": "not the password" });
            let reply = server.send(Method::POST, path, "", body).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path} {login:?}");
            assert_eq!(PASSWORD_HASHES.get() - before, 1, "{path} {login:?}");
        }
    }
}

#[tokio::test]
async fn names_and_addresses_are_taken_whatever_their_case() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let name = Register { email: "other@example.org".to_owned(), ..account("ANA") };
    let email = Register { email: "Ana@Example.ORG".to_owned(), ..account("other") };
    assert_eq!(code(server.http().register(&name).await), ErrorCode::NameTaken);
    assert_eq!(code(server.http().register(&email).await), ErrorCode::EmailTaken);
    // What was refused left nothing behind.
    server.http().register(&account("other")).await.unwrap();
}

#[tokio::test]
async fn bad_names_addresses_and_passwords_are_told_apart() {
    let server = TestServer::start().await;
    for bad in [
        Register { username: "a".to_owned(), ..account("x") },
        Register { username: "everyone".to_owned(), ..account("x") },
        Register { email: "nowhere".to_owned(), ..account("x") },
        Register { password: "short".to_owned(), ..account("x") },
        Register { password: "x".repeat(73), ..account("x") },
    ] {
        assert_eq!(code(server.http().register(&bad).await), ErrorCode::Invalid);
    }
}

#[tokio::test]
async fn the_setup_link_makes_one_admin_and_then_nothing() {
    let mut server = TestServer::start().await;
    let token = server.setup_token().expect("a new server prints a link");
    let wrong = Register { setup_token: Some("0".repeat(64)), ..account("eve") };
    assert_eq!(code(server.http().register(&wrong).await), ErrorCode::SetupClosed);

    let right = |name: &str| Register { setup_token: Some(token.clone()), ..account(name) };
    let cookie = server.http().register(&right("ana")).await.unwrap();
    assert_eq!(who_am_i(server.http(), &cookie).await.me.unwrap().role, Role::Admin);
    assert_eq!(code(server.http().register(&right("eve")).await), ErrorCode::SetupClosed);
    server.restart().await;
    assert_eq!(server.setup_token(), None, "a server with an admin prints no link");
}

#[tokio::test]
async fn of_a_hundred_who_share_the_link_one_becomes_admin() {
    let server = TestServer::start().await;
    let (http, token) = (server.http(), server.setup_token());
    let tries: Vec<_> = (0..30)
        .map(|number| {
            let body = Register { setup_token: token.clone(), ..account(&format!("user{number}")) };
            tokio::spawn(async move { http.register(&body).await.is_ok() })
        })
        .collect();
    let mut admins = 0;
    for one in tries {
        admins += usize::from(one.await.unwrap());
    }
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn a_closed_server_takes_nobody_but_the_first_admin() {
    let server = TestServer::with(|settings| settings.registration = Some(Registration::Closed)).await;
    assert_eq!(code(server.http().register(&account("eve")).await), ErrorCode::RegistrationClosed);
    let admin = Register { setup_token: server.setup_token(), ..account("ana") };
    server.http().register(&admin).await.unwrap();
}

#[tokio::test]
async fn signing_out_ends_the_sockets_of_that_sign_in_alone() {
    let server = TestServer::start().await;
    let mut here = server.user("ana").await;
    let there = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut there = TestUser::connect(&server, "ana", there).await;
    server.http().send(Method::DELETE, "/api/session", Some(&here.cookie), String::new()).await.unwrap();
    assert_eq!(here.is_closed_with().await, close::SIGNED_OUT);
    there.posts("still here").await;
    assert!(Socket::connect(server.http().0, &here.cookie).await.is_err(), "a dead session opens a socket");
}

#[tokio::test]
async fn another_site_can_neither_post_nor_open_a_socket() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    for origin in [None, Some("http://evil.example"), Some("null")] {
        let reply = server
            .http()
            .send_from(origin, Method::DELETE, "/api/session", Some(&cookie), String::new())
            .await;
        let reply = reply.unwrap();
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{origin:?}");
        assert!(matches!(refusal(&reply), Error::Refused(refusal) if refusal.code == ErrorCode::WrongOrigin));
    }
    assert!(Socket::connect_from(server.http().0, &cookie, "http://evil.example").await.is_err());
    assert!(who_am_i(server.http(), &cookie).await.me.is_some());
}

#[tokio::test]
async fn guessing_passwords_runs_into_a_wall_and_leaves_others_alone() {
    let server = TestServer::with(|settings| settings.password_tries_per_minute = 10).await;
    server.http().register(&account("ana")).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(code(server.http().sign_in("ana", "not her password").await));
    }
    assert!(
        codes.contains(&ErrorCode::WrongPassword) && codes.contains(&ErrorCode::RateLimited),
        "{codes:?}"
    );
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_in_our_own_words() {
    let server = TestServer::start().await;
    for body in ["", "{", "[]", "{\"login\":\"a\"}", "{\"login\":\"a\",\"password\":\"b\",\"more\":1}"] {
        let reply = server.http().send(Method::POST, "/api/session", None, body.to_owned()).await.unwrap();
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            matches!(refusal(&reply), Error::Refused(refusal) if refusal.code == ErrorCode::Malformed),
            "{body}"
        );
    }
    let large = server.http().send(Method::POST, "/api/session", None, "x".repeat(100_000)).await.unwrap();
    assert!(large.status.is_client_error());
    let missing = server.http().send(Method::GET, "/api/nothing", None, String::new()).await.unwrap();
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn figures_are_for_admins() {
    let server = TestServer::start().await;
    let admin = Register { setup_token: server.setup_token(), ..account("ana") };
    let admin = server.http().register(&admin).await.unwrap();
    let member = server.http().register(&account("ben")).await.unwrap();
    let mut answers = Vec::new();
    for cookie in [Some(admin.as_str()), Some(member.as_str()), None] {
        answers.push(server.http().send(Method::GET, "/api/metrics", cookie, String::new()).await.unwrap());
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED]);
    let page = &answers[0].body;
    assert!(page.contains("cromulent_voice_packets_forwarded_total 0\n"), "{page}");
    assert!(page.contains("# TYPE cromulent_connections gauge\ncromulent_connections 0\n"), "{page}");
}
