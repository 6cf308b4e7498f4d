use cromulent::config::Avatars;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{Account, Avatar, AvatarsAllowed};
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::{User, UserState};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, TestUser, account, answer, refused};

impl TestUser {
    async fn sees_change(&mut self, name: &str) -> User {
        let id = self.id_of(name);
        self.waits_for(|event| match event {
            ServerEvent::UserChanged { user } if user.id == id => Some(user.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_name_to_show_is_told_to_everybody_at_once_and_to_who_comes_later() {
    let server = TestServer::start().await;
    let [ana, mut ben] = server.users(["ana", "ben"]).await;
    let set = async |name: Value| {
        let body = json!({ "display_name": name, "avatar": { "kind": "none" } });
        server.send(Method::PUT, "/api/account/profile", &ana.cookie, body).await
    };
    let me: User = answer(&set(json!(" Ana María ")).await);
    assert_eq!(me.display_name.as_deref(), Some("Ana María"));
    assert_eq!(ben.sees_change("ana").await, me);
    let late = server.user("late").await;
    assert!(late.snapshot.users.contains(&me));

    // Not the name of somebody else, and nothing that is not seen.
    for (name, code) in [
        ("BEN", ErrorCode::NameTaken),
        ("", ErrorCode::Invalid),
        ("a\u{202e}b", ErrorCode::Invalid),
        (&*"x".repeat(41), ErrorCode::Invalid),
    ] {
        assert_eq!(refused(&set(json!(name)).await), code, "{name:?}");
    }
    // One's own is fine, and none is again the user name.
    assert!(set(json!("ANA")).await.status.is_success());
    assert_eq!(answer::<User>(&set(Value::Null).await).display_name, None);
    assert!(ben.sees_change("ana").await.display_name.is_some());
    assert_eq!(ben.sees_change("ana").await.display_name, None);
}

#[tokio::test]
async fn pictures_are_those_the_operator_allows() {
    let mut server = TestServer::with(|settings| settings.avatars = Avatars::Links).await;
    let mut ben = server.user("ben").await;
    let ana = server.user("ana").await;
    ben = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    let set = async |server: &TestServer, avatar: Value| {
        let body = json!({ "display_name": null, "avatar": avatar });
        server.send(Method::PUT, "/api/account/profile", &ana.cookie, body).await
    };
    let link = json!({ "kind": "link", "url": "https://pictures.example/ana.png" });
    assert!(set(&server, link.clone()).await.status.is_success());
    let seen = ben.sees_change("ana").await;
    assert_eq!(seen.avatar.as_deref(), Some("https://pictures.example/ana.png"));
    for bad in ["http://pictures.example/a", "javascript:alert(1)", "https://", "https://a b"] {
        let bad = json!({ "kind": "link", "url": bad });
        assert_eq!(refused(&set(&server, bad).await), ErrorCode::Invalid);
    }

    // Where only libravatar.org is allowed, other pictures are not shown any more and cannot be chosen.
    server.settings.avatars = Avatars::Libravatar;
    server.restart().await;
    let again = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    let shown = again.snapshot.users.iter().find(|user| user.username == "ana").unwrap();
    assert_eq!(shown.avatar, None);
    assert_eq!(refused(&set(&server, link).await), ErrorCode::Invalid);
    let chosen: User = answer(&set(&server, json!({ "kind": "libravatar" })).await);
    assert!(chosen.avatar.unwrap().starts_with("https://seccdn.libravatar.org/avatar/"));
    let mine: Account = answer(&server.send(Method::GET, "/api/account", &ana.cookie, Value::Null).await);
    assert_eq!((mine.avatar, mine.avatars), (Avatar::Libravatar, AvatarsAllowed::Libravatar));
}

#[tokio::test]
async fn a_page_may_load_no_picture_that_is_not_allowed() {
    for (allowed, policy) in [
        (Avatars::Initials, "img-src 'self' data: blob:;"),
        (Avatars::Libravatar, "img-src 'self' data: blob: https://seccdn.libravatar.org;"),
        (Avatars::Links, "img-src 'self' data: blob: https:;"),
    ] {
        let server = TestServer::with(|settings| settings.avatars = allowed).await;
        let reply = server.send(Method::GET, "/", "", Value::Null).await;
        let given = reply.policy.unwrap();
        assert!(given.contains(policy), "{given}");
        assert!(given.contains("default-src 'none'") && given.contains("script-src 'self'"), "{given}");
    }
}

#[tokio::test]
async fn nobody_sees_the_address_of_another() {
    let server = TestServer::with(|settings| settings.avatars = Avatars::Libravatar).await;
    let [ana, ben] = server.users(["ana", "ben"]).await;
    let body = json!({ "display_name": "Ana", "avatar": { "kind": "none" } });
    server.send(Method::PUT, "/api/account/profile", &ana.cookie, body).await;
    let seen = TestUser::connect(&server, "ben", ben.cookie.clone()).await.snapshot;
    assert!(!serde_json::to_string(&seen).unwrap().contains("@example.org"));
}

#[tokio::test]
async fn who_deletes_an_account_leaves_what_they_wrote_and_no_name() {
    let server = TestServer::start().await;
    let mut root = server.admin("root").await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let message = ana.posts("this stays").await;
    let mut call = ana.joins_voice().await;
    let delete = async |who: &str, password: &str| {
        server.send(Method::POST, "/api/account/deletion", who, json!({ "password": password })).await
    };
    assert_eq!(refused(&delete(&ana.cookie, "not her password").await), ErrorCode::WrongPassword);
    let reply = delete(&ana.cookie, PASSWORD).await;
    assert_eq!((reply.status, reply.cookie.as_deref()), (StatusCode::NO_CONTENT, Some("session=")));
    assert_eq!(ana.is_closed_with().await, cromulent::protocol::close::SIGNED_OUT);
    call.is_over().await;

    let tombstone = ben.sees_change("ana").await;
    assert_eq!((tombstone.state, tombstone.id), (UserState::Deleted, message.author));
    assert!(tombstone.username.starts_with("deleted-") && tombstone.display_name.is_none());
    assert!(ben.sees_history().await.contains(&"this stays".to_owned()));
    assert!(server.http().sign_in("ana", PASSWORD).await.is_err());
    // The name and the address are free; whoever takes them is somebody else.
    let again = server.user("ana").await;
    assert_ne!(again.snapshot.me, message.author);
    let known = again.snapshot.users.iter().find(|user| user.id == message.author).unwrap();
    assert_eq!(known.state, UserState::Deleted);

    // Somebody must be left to run the server.
    assert_eq!(refused(&delete(&root.cookie, PASSWORD).await), ErrorCode::LastAdmin);
    root.posts("still here").await;
}

#[tokio::test]
async fn hyphens_and_odd_cases_make_good_names_and_reserved_words_none() {
    let server = TestServer::start().await;
    for name in ["ana-maria", "-x-", "A_b-C"] {
        assert!(server.http().register(&account(name)).await.is_ok(), "{name}");
    }
    for name in ["Here", "EVERYONE", "all", "deleted-ana", "ana maria", "ana\n", "änne"] {
        assert!(server.http().register(&account(name)).await.is_err(), "{name:?}");
    }
}
