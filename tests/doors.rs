//! Stories about the page's door and those who mean no good: heads, bodies and ways that make no sense, and pages of
//! other sites.

use std::net::SocketAddr;

use cromulent::protocol::error::ErrorCode;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PASSWORD, PATIENCE, TestServer, account, refused};

/// Says this and nothing more; all that is said back, until the connection ends.
async fn says(address: SocketAddr, words: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be refused before it was said.
    let _ = stream.write_all(words.as_bytes()).await;
    if !words.contains("\r\n\r\n") {
        let _ = stream.shutdown().await;
    }
    let mut told = Vec::new();
    let read = stream.read_to_end(&mut told);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the connection stays open");
    String::from_utf8_lossy(&told).into_owned()
}

/// The first line of each answer.
fn answers(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.starts_with("HTTP/")).collect()
}

#[tokio::test]
async fn of_two_lengths_neither_hides_a_second_request() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let address = server.http().0;
    let own = format!("Host: {address}\r\nOrigin: http://{address}\r\nContent-Type: application/json\r\n");
    let hidden = format!("GET /api/metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let body = json!({ "login": "ana", "password": PASSWORD }).to_string();
    for lengths in [
        format!("Content-Length: {}\r\nContent-Length: {}\r\n", body.len(), body.len() + hidden.len()),
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len()),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Content-Length: +2\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 99999999999999999999999\r\n".to_owned(),
        "Content-Length : 2\r\n".to_owned(),
    ] {
        let told =
            says(address, &format!("POST /api/session HTTP/1.1\r\n{own}{lengths}\r\n{body}{hidden}")).await;
        let answers = answers(&told);
        assert!(answers.len() <= 1, "{lengths:?} is two requests: {answers:?}");
        assert!(!told.contains(" 200 "), "{lengths:?} was understood: {told}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_shown_out() {
    let server = TestServer::start().await;
    let address = server.http().0;
    for words in [
        "",
        "\0\0\0\0",
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        // The newer one is not spoken, nor a proxy's business done, nor TLS.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{5}hello",
        "GET / HTTP/1.1\r\nHost: a\r\n\0: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY\r\n\r\n",
    ] {
        let told = says(address, words).await;
        assert!(answers(&told).iter().all(|line| line.contains(" 4")), "{words:?}: {told}");
    }
    let many = "X: y\r\n".repeat(100_000);
    let told = says(address, &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).await;
    assert!(answers(&told).iter().all(|line| line.contains(" 431 ")), "{told:.100}");
    assert!(server.http().register(&account("ana")).await.is_ok(), "others are let in");
}

#[tokio::test]
async fn no_way_leads_out_of_the_page() {
    let server = TestServer::start().await;
    let address = server.http().0;
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/..%5c..%5cCargo.toml",
        "/..\\..\\Cargo.toml",
        "//etc/passwd",
        "/%00",
        "/index.html%00.js",
        "/.built",
        "/data/cromulent.db",
        "/C:/Windows/win.ini",
        "http://127.0.0.1:22/etc/passwd",
    ] {
        let told =
            says(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        let answers = answers(&told);
        assert_eq!(answers.len(), 1, "{path}: {told}");
        // A place in the page, or nothing.
        let is_page =
            told.contains("<!doctype html>") || told.contains("the client is missing from this build");
        assert!(is_page || answers[0].contains(" 404 ") || answers[0].contains(" 400 "), "{path}: {told}");
        assert!(!told.contains("[package]") && !told.contains("root:"), "{path}: {told}");
    }
}

#[tokio::test]
async fn a_body_is_json_and_ends() {
    let server = TestServer::start().await;
    server.http().register(&account("ana")).await.unwrap();
    let address = server.http().0;
    let own = format!("Host: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n");
    let json = json!({ "login": "ana", "password": PASSWORD }).to_string();
    let large = "x".repeat(100_000);
    for (kind, body) in [
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\nana",
        ),
        ("application/x-www-form-urlencoded", "login=ana&password=correct+horse+battery"),
        ("text/plain", json.as_str()),
        ("application/json", "\u{feff}{}"),
        ("application/json", large.as_str()),
    ] {
        let length = body.len();
        let head = format!("{own}Content-Type: {kind}\r\nContent-Length: {length}\r\n");
        let told = says(address, &format!("POST /api/session HTTP/1.1\r\n{head}\r\n{body}")).await;
        assert!(answers(&told).iter().all(|line| line.contains(" 4")), "{kind}: {told}");
        assert!(!told.contains("set-cookie"), "{kind}: {told}");
    }
    // Nor is a body waited for by whoever wants none.
    let head = format!("{own}Content-Length: 1000000000\r\n");
    let told = says(address, &format!("GET /api/health HTTP/1.1\r\n{head}\r\n")).await;
    assert_eq!(answers(&told), ["HTTP/1.1 200 OK"], "{told}");
}

#[tokio::test]
async fn no_door_that_changes_anything_opens_to_another_site() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let reply = server.send(Method::GET, "/api/openapi.json", "", Value::Null).await;
    let description: Value = serde_json::from_str(&reply.body).unwrap();
    let mut doors = 0;
    for (path, verbs) in description["paths"].as_object().unwrap() {
        // Programs show no cookie, and are given none.
        if path.starts_with("/api/auth/") {
            continue;
        }
        for verb in verbs.as_object().unwrap().keys().filter(|verb| *verb != "get") {
            doors += 1;
            let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", &root.snapshot.me.to_string());
            for origin in [None, Some("null"), Some("http://evil.example"), Some("https://127.0.0.1")] {
                let cookie = Some(root.cookie.as_str());
                let sent = server.http().send_from(origin, method.clone(), &path, cookie, "{}".to_owned());
                let reply = sent.await.unwrap();
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{verb} {path} from {origin:?}");
                assert_eq!(refused(&reply), ErrorCode::WrongOrigin, "{verb} {path} from {origin:?}");
                assert_eq!(reply.set_cookie, None);
            }
        }
    }
    assert!(doors > 15, "only {doors} doors were tried");
    let info = server.send(Method::GET, "/api/account/sessions", &root.cookie, Value::Null).await;
    assert!(info.status.is_success(), "root is signed out");
}
