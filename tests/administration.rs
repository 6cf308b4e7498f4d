use cromulent::config::{EmailConfirmation, SmtpTls};
use cromulent::protocol::administration::{People, ResetLink};
use cromulent::protocol::client::Request;
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::AuditPage;
use cromulent::protocol::types::{Role, User, UserState};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::mail::MailSink;
use crate::support::{PASSWORD, TestServer, TestUser, account, answer, refused};

const NEW: &str = "a wholly new sentence";

impl TestUser {
    async fn admins(
        &self,
        server: &TestServer,
        user: &str,
        what: &str,
        body: Value,
    ) -> cromulent::bench::client::Reply {
        let path = format!("/api/users/{}/{what}", self.id_of(user));
        let method = if what == "reset-link" { Method::POST } else { Method::PUT };
        server.send(method, &path, &self.cookie, body).await
    }
}

/// The first admin and two others, whom everybody knows.
async fn house() -> (TestServer, TestUser, TestUser, TestUser) {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let [ana, ben] = server.users(["ana", "ben"]).await;
    let root = TestUser::connect(&server, "root", root.cookie.clone()).await;
    (server, root, ana, ben)
}

#[tokio::test]
async fn an_admin_makes_another_one_who_can_do_the_same() {
    let (server, root, ana, _) = house().await;
    let reply = root.admins(&server, "ana", "role", json!({ "role": "admin" })).await;
    assert_eq!(answer::<User>(&reply).role, Role::Admin);
    // Whoever is an admin now may, without signing in again; whoever is none any more may not.
    let reply = ana.admins_by_id(&server, root.snapshot.me, "role", json!({ "role": "member" })).await;
    assert_eq!(answer::<User>(&reply).role, Role::Member);
    let reply = root.admins(&server, "ana", "role", json!({ "role": "member" })).await;
    assert_eq!(refused(&reply), ErrorCode::NotAllowed);
    // The last one stays.
    let reply = ana.admins_by_id(&server, ana.snapshot.me, "role", json!({ "role": "member" })).await;
    assert_eq!(refused(&reply), ErrorCode::LastAdmin);
    let reply = ana.admins_by_id(&server, ana.snapshot.me, "access", json!({ "disabled": true })).await;
    assert_eq!(refused(&reply), ErrorCode::LastAdmin);
}

impl TestUser {
    async fn admins_by_id(
        &self,
        server: &TestServer,
        user: cromulent::id::UserId,
        what: &str,
        body: Value,
    ) -> cromulent::bench::client::Reply {
        server.send(Method::PUT, &format!("/api/users/{user}/{what}"), &self.cookie, body).await
    }
}

#[tokio::test]
async fn two_admins_who_demote_each_other_at_once_leave_one() {
    let (server, root, ana, _) = house().await;
    root.admins(&server, "ana", "role", json!({ "role": "admin" })).await;
    for _ in 0..5 {
        let member = json!({ "role": "member" });
        let (one, other) = tokio::join!(
            root.admins_by_id(&server, ana.snapshot.me, "role", member.clone()),
            ana.admins_by_id(&server, root.snapshot.me, "role", member)
        );
        let done = [&one, &other].iter().filter(|reply| reply.status.is_success()).count();
        assert_eq!(done, 1, "{one:?} {other:?}");
        let (left, gone) = if one.status.is_success() { (&root, &ana) } else { (&ana, &root) };
        left.admins_by_id(&server, gone.snapshot.me, "role", json!({ "role": "admin" })).await;
    }
}

#[tokio::test]
async fn who_is_no_admin_any_more_loses_the_power_on_the_page_that_is_open() {
    let (server, root, mut ana, _) = house().await;
    let make = |name: &str| Request::CreateCategory { name: name.to_owned() };
    assert_eq!(ana.asks(&make("One")).await.unwrap_err(), ErrorCode::NotAllowed);
    root.admins(&server, "ana", "role", json!({ "role": "admin" })).await;
    ana.asks(&make("Two")).await.unwrap();
    root.admins(&server, "ana", "role", json!({ "role": "member" })).await;
    assert_eq!(ana.asks(&make("Three")).await.unwrap_err(), ErrorCode::NotAllowed);
}

#[tokio::test]
async fn an_account_made_by_an_admin_counts_as_confirmed() {
    let sink = MailSink::start().await;
    let server = TestServer::with(|settings| {
        settings.smtp_host = Some("127.0.0.1".to_owned());
        settings.smtp_port = Some(sink.address.port());
        settings.smtp_tls = SmtpTls::None;
        settings.mail_from = Some("chat@example.org".to_owned());
        settings.email_confirmation = Some(EmailConfirmation::Required);
    })
    .await;
    let root = server.admin("root").await;
    let body = json!({ "username": "ana", "email": "ana@example.org", "password": PASSWORD });
    let made = server.send(Method::POST, "/api/users", &root.cookie, body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(server.http().sign_in("ana", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn who_is_shut_out_is_gone_at_once_and_stays_out_until_let_in() {
    let (server, root, mut ana, mut ben) = house().await;
    let mut anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;
    let reply = root.admins(&server, "ana", "access", json!({ "disabled": true })).await;
    assert_eq!(answer::<User>(&reply).state, UserState::Disabled);
    assert_eq!(ana.is_closed_with().await, close::SIGNED_OUT);
    anas.is_over().await;
    bens.stops_hearing(anas.participant).await;
    let out = server.http().sign_in("ana", PASSWORD).await.unwrap_err().to_string();
    assert!(out.contains("wrong_password"), "{out}");
    let body = json!({ "email": "ana@example.org", "password": PASSWORD });
    assert_eq!(server.send(Method::POST, "/api/auth/login", "", body).await.status, StatusCode::UNAUTHORIZED);

    root.admins(&server, "ana", "access", json!({ "disabled": false })).await;
    assert!(server.http().sign_in("ana", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn an_admin_hands_out_a_link_for_a_new_password() {
    let (server, root, mut ana, _) = house().await;
    let reply = root.admins(&server, "ana", "reset-link", Value::Null).await;
    let link: ResetLink = answer(&reply);
    assert!(
        link.url.starts_with(&format!("http://localhost:{}/reset/", server.http().0.port())),
        "{}",
        link.url
    );
    let body = json!({ "token": link.url.rsplit('/').next().unwrap(), "password": NEW });
    let reset = async || server.send(Method::POST, "/api/password/reset", "", body.clone()).await;
    assert_eq!(reset().await.status, StatusCode::NO_CONTENT);
    assert_eq!(ana.is_closed_with().await, close::SIGNED_OUT);
    assert_eq!(refused(&reset().await), ErrorCode::LinkClosed);
    assert!(server.http().sign_in("ana", NEW).await.is_ok());
}

#[tokio::test]
async fn an_admin_makes_an_account_where_registration_is_closed() {
    let server = TestServer::with(|settings| {
        settings.registration = Some(cromulent::config::Registration::Closed);
    })
    .await;
    let root = server.admin("root").await;
    let create = async |who: &str, name: &str| {
        let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        server.send(Method::POST, "/api/users", who, body).await
    };
    let reply = create(&root.cookie, "ana").await;
    assert_eq!((reply.status, answer::<User>(&reply).role), (StatusCode::CREATED, Role::Member));
    let ana = server.http().sign_in("ana", PASSWORD).await.unwrap();
    assert_eq!(refused(&create(&root.cookie, "Ana").await), ErrorCode::NameTaken);
    assert_eq!(refused(&create(&ana, "eve").await), ErrorCode::NotAllowed);
    assert_eq!(create("", "eve").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_admin_sees_everybody_who_has_an_account_by_name_and_nobody_else_does() {
    let (server, root, ana, _) = house().await;
    let page = async |who: &str, after: &str| {
        server.send(Method::GET, &format!("/api/users{after}"), who, Value::Null).await
    };
    let names = |reply: &cromulent::bench::client::Reply| {
        let page: People = answer(reply);
        page.people.iter().map(|one| format!("{} {}", one.user.username, one.email)).collect::<Vec<_>>()
    };
    let all = page(&root.cookie, "").await;
    assert_eq!(names(&all), ["ana ana@example.org", "ben ben@example.org", "root root@example.org"]);
    assert_eq!(names(&page(&root.cookie, "?after=Ben").await), ["root root@example.org"]);
    // By a part of a name or an address, whatever its case; what means something to a database means itself.
    let profile = json!({ "display_name": "Ms Percent 100%", "avatar": { "kind": "none" } });
    assert!(server.send(Method::PUT, "/api/account/profile", &ana.cookie, profile).await.status.is_success());
    for (search, found) in [
        ("N", &["ana", "ben"][..]),
        ("OOT%40exa", &["root"]),
        ("ms%20perc", &["ana"]),
        ("100%25", &["ana"]),
        ("%25", &["ana"]),
        ("_", &[]),
        ("%5C", &[]),
        ("'", &[]),
        ("nobody", &[]),
        ("n&after=ana", &["ben"]),
    ] {
        let people: People = answer(&page(&root.cookie, &format!("?search={search}")).await);
        let people: Vec<_> = people.people.iter().map(|one| one.user.username.as_str()).collect();
        assert_eq!(people, found, "{search}");
    }
    assert_eq!(refused(&page(&ana.cookie, "").await), ErrorCode::NotAllowed);
    let body = json!({ "password": PASSWORD });
    server.send(Method::POST, "/api/account/deletion", &ana.cookie, body).await;
    assert_eq!(names(&page(&root.cookie, "").await).len(), 2);
}

#[tokio::test]
async fn everybody_is_found_page_by_page_and_nobody_twice() {
    let (server, root, _, _) = house().await;
    for number in 0..205 {
        server.http().register(&account(&format!("guest-{number:03}"))).await.unwrap();
    }
    let (mut found, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let path = format!("/api/users?search=guest&after={after}");
        let page: People = answer(&server.send(Method::GET, &path, &root.cookie, Value::Null).await);
        found.extend(page.people.into_iter().map(|one| one.user.username));
        pages += 1;
        if !page.more {
            break;
        }
        after = found.last().unwrap().clone();
    }
    assert_eq!((found.len(), pages), (205, 3));
    assert!(found.is_sorted());
}

#[tokio::test]
async fn an_admin_ends_an_account_for_good_and_never_the_last_admins() {
    let (server, root, mut ana, ben) = house().await;
    let ends = async |who: &TestUser, user: cromulent::id::UserId| {
        server.send(Method::DELETE, &format!("/api/users/{user}"), &who.cookie, Value::Null).await
    };
    assert_eq!(refused(&ends(&ben, ana.snapshot.me).await), ErrorCode::NotAllowed);
    assert_eq!(refused(&ends(&root, root.snapshot.me).await), ErrorCode::LastAdmin);
    let mut call = ana.joins_voice().await;
    assert_eq!(ends(&root, ana.snapshot.me).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ana.is_closed_with().await, close::SIGNED_OUT);
    call.is_over().await;
    assert_eq!(refused(&ends(&root, ana.snapshot.me).await), ErrorCode::NotFound);
    assert!(server.http().sign_in("ana", PASSWORD).await.is_err());
    // The name is free, and what was done is written down with the name it had.
    assert!(server.http().register(&account("ana")).await.is_ok());
    let page: AuditPage = answer(&server.send(Method::GET, "/api/audit", &root.cookie, Value::Null).await);
    let entry = &page.entries[0];
    assert_eq!((entry.action.text(), entry.object.as_str()), ("account_deleted", "ana"));
    assert_eq!((entry.actor, entry.subject), (Some(root.snapshot.me), Some(ana.snapshot.me)));
}

#[tokio::test]
async fn all_this_is_for_admins_alone_and_about_people_who_are_there() {
    let (server, root, ana, _) = house().await;
    for (what, body) in [
        ("role", json!({ "role": "admin" })),
        ("access", json!({ "disabled": true })),
        ("reset-link", Value::Null),
    ] {
        assert_eq!(
            refused(&ana.admins(&server, "ben", what, body.clone()).await),
            ErrorCode::NotAllowed,
            "{what}"
        );
        let method = if what == "reset-link" { Method::POST } else { Method::PUT };
        for nobody in ["00000000-0000-0000-0000-000000000000", "x", "%00"] {
            let path = format!("/api/users/{nobody}/{what}");
            let reply = server.send(method.clone(), &path, &root.cookie, body.clone()).await;
            assert_eq!(refused(&reply), ErrorCode::NotFound, "{path}");
        }
    }
    let reply = root.admins(&server, "ben", "role", json!({ "role": "emperor" })).await;
    assert_eq!(refused(&reply), ErrorCode::Malformed);
    let reply = server.send(Method::GET, "/api/audit", &ana.cookie, Value::Null).await;
    assert_eq!(refused(&reply), ErrorCode::NotAllowed);
}

#[tokio::test]
async fn what_is_done_to_accounts_is_written_down() {
    let (server, root, ana, ben) = house().await;
    root.admins(&server, "ana", "role", json!({ "role": "admin" })).await;
    root.admins(&server, "ben", "access", json!({ "disabled": true })).await;
    root.admins(&server, "ben", "access", json!({ "disabled": true })).await;
    root.admins(&server, "ben", "access", json!({ "disabled": false })).await;
    root.admins(&server, "ben", "reset-link", Value::Null).await;
    // What was refused did not happen.
    ben.admins(&server, "ana", "role", json!({ "role": "member" })).await;
    let page = async |before: &str| {
        let path = format!("/api/audit{before}");
        answer::<AuditPage>(&server.send(Method::GET, &path, &root.cookie, Value::Null).await).entries
    };
    let all = page("").await;
    let words: Vec<_> =
        all.iter().map(|entry| (entry.action.text(), entry.subject, entry.detail.as_str())).collect();
    let (anas, bens) = (Some(ana.snapshot.me), Some(ben.snapshot.me));
    assert_eq!(
        words,
        [
            ("reset_link_issued", bens, ""),
            ("user_enabled", bens, ""),
            ("user_disabled", bens, ""),
            ("role_changed", anas, "role: admin"),
        ]
    );
    assert!(all.iter().all(|entry| entry.actor == Some(root.snapshot.me)));
    let older = page(&format!("?before={}", all[2].id)).await;
    assert_eq!(older.len(), 1);
    assert_eq!(older[0].id, all[3].id);
}

#[tokio::test]
async fn the_account_of_somebody_shut_out_can_be_reset_but_stays_shut() {
    let (server, root, _, _) = house().await;
    root.admins(&server, "ana", "access", json!({ "disabled": true })).await;
    let link: ResetLink = answer(&root.admins(&server, "ana", "reset-link", Value::Null).await);
    let body = json!({ "token": link.url.rsplit('/').next().unwrap(), "password": NEW });
    server.send(Method::POST, "/api/password/reset", "", body).await;
    assert!(server.http().sign_in("ana", NEW).await.is_err());
    let taken = server.http().register(&account("ana")).await;
    assert!(taken.is_err(), "the name of somebody shut out is not free");
}
