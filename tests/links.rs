use std::time::Duration;

use cromulent::Server;
use cromulent::clock::{Clock, Timestamp};
use cromulent::config::{EmailConfirmation, Settings, SmtpTls};
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{Account, Register, ServerInfo};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::mail::MailSink;
use crate::support::{PASSWORD, TestServer, account, answer, postgres, refused};

const NEW: &str = "a wholly new sentence";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn mails_to(settings: &mut Settings, sink: &MailSink) {
    settings.smtp_host = Some("127.0.0.1".to_owned());
    settings.smtp_port = Some(sink.address.port());
    settings.smtp_tls = SmtpTls::None;
    settings.mail_from = Some("Cromulent <chat@example.org>".to_owned());
}

async fn server_with(sink: &MailSink) -> TestServer {
    TestServer::with(|settings| mails_to(settings, sink)).await
}

fn noon() -> Clock {
    Clock::manual(Timestamp::from_millis(1_800_000_000_000))
}

impl TestServer {
    async fn forgets(&self, email: &str) -> StatusCode {
        self.send(Method::POST, "/api/password/forgotten", "", json!({ "email": email })).await.status
    }

    async fn resets(&self, token: &str, password: &str) -> cromulent::bench::client::Reply {
        let body = json!({ "token": token, "password": password });
        self.send(Method::POST, "/api/password/reset", "", body).await
    }

    async fn confirms(&self, token: &str) -> cromulent::bench::client::Reply {
        self.send(Method::POST, "/api/confirmation", "", json!({ "token": token })).await
    }

    async fn can_sign_in(&self, login: &str, password: &str) -> bool {
        self.http().sign_in(login, password).await.is_ok()
    }

    /// What a sign-in is refused with.
    async fn sign_in_is_refused(&self, login: &str, password: &str) -> ErrorCode {
        let body = json!({ "login": login, "password": password });
        refused(&self.send(Method::POST, "/api/session", "", body).await)
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_out_of_a_mail_once() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    let mut ana = server.user("ana").await;
    assert_eq!(server.forgets(" ANA@example.org ").await, StatusCode::ACCEPTED);
    let letter = sink.next().await;
    assert_eq!(
        (letter.from.as_str(), letter.to.as_slice()),
        ("chat@example.org", &["ana@example.org".to_owned()][..])
    );
    assert!(letter.raw.contains("Subject: Cromulent: Choose a new password\r\n"), "{}", letter.raw);
    let token = letter.link("reset");

    assert_eq!(refused(&server.resets(&token, "short").await), ErrorCode::Invalid);
    assert!(server.can_sign_in("ana", PASSWORD).await, "a refused reset changed something");
    assert_eq!(server.resets(&token, NEW).await.status, StatusCode::NO_CONTENT);
    // Everything that was signed in is not any more, and nothing new is.
    assert_eq!(ana.is_closed_with().await, close::SIGNED_OUT);
    assert!(server.can_sign_in("ana", NEW).await);
    assert!(!server.can_sign_in("ana", PASSWORD).await);
    assert_eq!(refused(&server.resets(&token, "yet another sentence").await), ErrorCode::LinkClosed);
    assert!(sink.next().await.raw.contains("Your password was changed"));
}

#[tokio::test]
async fn nobody_learns_from_the_answer_whether_an_address_has_an_account() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    server.http().register(&account("ana")).await.unwrap();
    for email in ["nobody@example.org", "ana@example.org"] {
        let ask = |path: &'static str| server.send(Method::POST, path, "", json!({ "email": email }));
        let forgotten = ask("/api/password/forgotten").await;
        let resend = ask("/api/confirmation/resend").await;
        for reply in [forgotten, resend] {
            assert_eq!((reply.status, reply.body.as_str()), (StatusCode::ACCEPTED, ""), "{email}");
        }
    }
    // Both letters are for ana; had there been one for nobody, it would have come before.
    for _ in 0..2 {
        assert_eq!(sink.next().await.to, ["ana@example.org"]);
    }
}

#[tokio::test]
async fn a_link_ends_after_a_day_and_so_do_those_of_an_address_that_changed() {
    let sink = MailSink::start().await;
    let server = TestServer::at(noon(), |settings| mails_to(settings, &sink)).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    server.forgets("ana@example.org").await;
    let late = sink.next().await.link("reset");
    server.clock.advance(DAY);
    assert_eq!(refused(&server.resets(&late, NEW).await), ErrorCode::LinkClosed);

    server.forgets("ana@example.org").await;
    let reset = sink.next().await.link("reset");
    let body = json!({ "password": PASSWORD, "email": "ana@example.net" });
    let reply = server.send(Method::PUT, "/api/account/email", &cookie, body).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let confirm = sink.next().await.link("confirm");
    assert_eq!(server.confirms(&confirm).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused(&server.resets(&reset, NEW).await), ErrorCode::LinkClosed);
}

#[tokio::test]
async fn a_link_that_confirms_lasts_a_week() {
    let sink = MailSink::start().await;
    let server = TestServer::at(noon(), |settings| mails_to(settings, &sink)).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    let asks = async |email: &str| {
        let body = json!({ "password": PASSWORD, "email": email });
        let reply = server.send(Method::PUT, "/api/account/email", &cookie, body).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED);
        sink.next().await.link("confirm")
    };
    let late = asks("late@example.org").await;
    server.clock.advance(DAY * 7);
    assert_eq!(refused(&server.confirms(&late).await), ErrorCode::LinkClosed);
    let in_time = asks("ana@example.net").await;
    server.clock.advance(DAY * 7 - Duration::from_secs(1));
    assert_eq!(server.confirms(&in_time).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_made_up_link_opens_nothing_and_a_link_opens_only_what_it_is_for() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    server.http().register(&account("ana")).await.unwrap();
    for token in ["", "x", &"0".repeat(64), &"0".repeat(10_000)] {
        assert_eq!(refused(&server.resets(token, NEW).await), ErrorCode::LinkClosed);
        assert_eq!(refused(&server.confirms(token).await), ErrorCode::LinkClosed);
    }
    server.forgets("ana@example.org").await;
    let reset = sink.next().await.link("reset");
    assert_eq!(refused(&server.confirms(&reset).await), ErrorCode::LinkClosed);
    assert_eq!(server.resets(&reset, NEW).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_many_who_share_a_link_one_gets_through() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    server.http().register(&account("ana")).await.unwrap();
    server.forgets("ana@example.org").await;
    let token = sink.next().await.link("reset");
    let http = server.http();
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let body = json!({ "token": token, "password": format!("a sentence with {number}") }).to_string();
            tokio::spawn(
                async move { http.send(Method::POST, "/api/password/reset", None, body).await.unwrap() },
            )
        })
        .collect();
    let mut through = 0;
    for one in tries {
        through += usize::from(one.await.unwrap().status == StatusCode::NO_CONTENT);
    }
    assert_eq!(through, 1);
}

#[tokio::test]
async fn another_address_counts_once_its_owner_has_answered() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    server.http().register(&account("ben")).await.unwrap();
    let change = async |password: &str, email: &str| {
        let body = json!({ "password": password, "email": email });
        server.send(Method::PUT, "/api/account/email", &cookie, body).await
    };
    assert_eq!(refused(&change("not her password", "a@b.example").await), ErrorCode::WrongPassword);
    assert_eq!(refused(&change(PASSWORD, "ana@example.org").await), ErrorCode::Invalid);
    // An address that somebody has looks like one that nobody has, but gets no mail.
    assert_eq!(change(PASSWORD, "ben@example.org").await.status, StatusCode::ACCEPTED);
    assert_eq!(change(PASSWORD, "ana@example.net").await.status, StatusCode::ACCEPTED);
    let letter = sink.next().await;
    assert_eq!(letter.to, ["ana@example.net"]);

    let mine: Account = answer(&server.send(Method::GET, "/api/account", &cookie, Value::Null).await);
    assert_eq!((mine.email.as_str(), mine.confirmed), ("ana@example.org", false));
    assert_eq!(mine.pending_email.as_deref(), Some("ana@example.net"));
    assert!(server.can_sign_in("ana@example.org", PASSWORD).await);

    assert_eq!(server.confirms(&letter.link("confirm")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused(&server.confirms(&letter.link("confirm")).await), ErrorCode::LinkClosed);
    let mine: Account = answer(&server.send(Method::GET, "/api/account", &cookie, Value::Null).await);
    assert_eq!((mine.email.as_str(), mine.confirmed, mine.pending_email), ("ana@example.net", true, None));
    assert!(server.can_sign_in("ana@example.net", PASSWORD).await);
    assert!(!server.can_sign_in("ana@example.org", PASSWORD).await);
    assert_eq!(sink.next().await.to, ["ana@example.org"], "the old address is told");
}

#[tokio::test]
async fn where_addresses_are_confirmed_an_account_begins_with_the_answer_to_a_mail() {
    let sink = MailSink::start().await;
    let server = TestServer::with(|settings| {
        mails_to(settings, &sink);
        settings.email_confirmation = Some(EmailConfirmation::Required);
    })
    .await;
    let mut admin = server.admin("root").await;
    let register = async |draft: &Register| {
        server.send(Method::POST, "/api/accounts", "", serde_json::to_value(draft).unwrap()).await
    };
    let reply = register(&account("ana")).await;
    assert_eq!((reply.status, reply.cookie), (StatusCode::ACCEPTED, None));
    assert_eq!(server.sign_in_is_refused("ana", PASSWORD).await, ErrorCode::WrongPassword);
    // The name is held, and nobody can take what waits.
    let other = Register { email: "other@example.org".to_owned(), ..account("Ana") };
    assert_eq!(refused(&register(&other).await), ErrorCode::NameTaken);

    let first = sink.next().await;
    let resend = json!({ "email": "ana@example.org" });
    server.send(Method::POST, "/api/confirmation/resend", "", resend).await;
    let second = sink.next().await;
    assert_eq!(refused(&server.confirms(&first.link("confirm")).await), ErrorCode::LinkClosed);
    assert_eq!(server.confirms(&second.link("confirm")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused(&server.confirms(&second.link("confirm")).await), ErrorCode::LinkClosed);
    assert!(server.can_sign_in("ana", PASSWORD).await);
    admin.posts("does anybody hear of ana").await;
    let heard = admin
        .waits_for(|event| match event {
            cromulent::protocol::server::ServerEvent::UserChanged { user } => Some(user.username.clone()),
            _ => None,
        })
        .await;
    assert_eq!(heard, "ana");
}

#[tokio::test]
async fn a_registration_does_not_tell_whether_the_address_has_an_account() {
    let sink = MailSink::start().await;
    let server = TestServer::with(|settings| {
        mails_to(settings, &sink);
        settings.email_confirmation = Some(EmailConfirmation::Required);
    })
    .await;
    server.admin("root").await;
    let register = async |name: &str, email: &str| {
        let draft = Register { email: email.to_owned(), ..account(name) };
        server.send(Method::POST, "/api/accounts", "", serde_json::to_value(&draft).unwrap()).await
    };
    let (free, taken) = (register("ana", "ana@example.org").await, register("eve", "ROOT@example.org").await);
    assert_eq!((free.status, &free.body), (taken.status, &taken.body));
    // Whoever tries the names again finds both held.
    for name in ["ana", "eve"] {
        assert_eq!(refused(&register(name, "third@example.org").await), ErrorCode::NameTaken);
    }
    assert!(sink.next().await.body.contains("/confirm/"));
    let letter = sink.next().await;
    assert_eq!(letter.to, ["ROOT@example.org"]);
    assert!(
        letter.body.contains("It has one: root") && !letter.body.contains("/confirm/"),
        "{}",
        letter.body
    );
    // Nor does asking again: for the address with an account there is nothing to confirm.
    let resend = json!({ "email": "root@example.org" });
    assert_eq!(
        server.send(Method::POST, "/api/confirmation/resend", "", resend).await.status,
        StatusCode::ACCEPTED
    );
    server.forgets("root@example.org").await;
    assert!(sink.next().await.body.contains("/reset/"));
}

#[tokio::test]
async fn who_never_confirmed_is_locked_out_where_that_is_wanted_and_let_in_by_the_mail() {
    let sink = MailSink::start().await;
    let mut server = server_with(&sink).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    server.settings.email_confirmation = Some(EmailConfirmation::Required);
    server.restart().await;
    assert_eq!(server.sign_in_is_refused("ana", "not her password").await, ErrorCode::WrongPassword);
    assert_eq!(server.sign_in_is_refused("ana", PASSWORD).await, ErrorCode::NotConfirmed);
    // What was signed in stays so.
    let info: ServerInfo = answer(&server.send(Method::GET, "/api/server", &cookie, Value::Null).await);
    assert!(info.mail && info.me.is_some());
    let letter = sink.next().await;
    assert_eq!(server.confirms(&letter.link("confirm")).await.status, StatusCode::NO_CONTENT);
    assert!(server.can_sign_in("ana", PASSWORD).await);
}

#[tokio::test]
async fn without_mail_it_is_said_so_and_an_address_is_taken_over_at_once() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    server.http().register(&account("ben")).await.unwrap();
    let body = json!({ "email": "ana@example.org" });
    let reply = server.send(Method::POST, "/api/password/forgotten", "", body).await;
    assert_eq!(refused(&reply), ErrorCode::NoMail);
    let change = async |email: &str| {
        let body = json!({ "password": PASSWORD, "email": email });
        server.send(Method::PUT, "/api/account/email", &cookie, body).await
    };
    assert_eq!(refused(&change("Ben@example.org").await), ErrorCode::EmailTaken);
    assert_eq!(change("ana@example.net").await.status, StatusCode::NO_CONTENT);
    assert!(server.can_sign_in("ana@example.net", PASSWORD).await);
}

#[tokio::test]
async fn a_server_that_asks_for_confirmation_and_has_no_mail_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = crate::support::settings(&folder);
    settings.email_confirmation = Some(EmailConfirmation::Required);
    let error = Server::start(&settings, Clock::System).await.err().expect("it started");
    assert!(error.to_string().contains("smtp-host"), "{error}");
}

#[tokio::test]
async fn where_tls_is_wanted_no_letter_goes_without_or_to_a_stranger() {
    // One that has no STARTTLS, and one whose certificate nobody vouches for.
    let (plain, (stranger, _)) = (MailSink::start().await, MailSink::with_tls().await);
    for sink in [plain, stranger] {
        let server = TestServer::with(|settings| {
            mails_to(settings, &sink);
            settings.smtp_host = Some("localhost".to_owned());
            settings.smtp_tls = SmtpTls::Starttls;
        })
        .await;
        server.http().register(&account("ana")).await.unwrap();
        assert_eq!(server.forgets("ana@example.org").await, StatusCode::ACCEPTED);
        sink.was_called().await;
        assert_eq!(sink.len(), 0);
    }
}

#[tokio::test]
async fn the_mail_server_is_told_name_and_password() {
    // AUTH PLAIN: a zero, the name, a zero, the password.
    let sink = MailSink::with_auth("AGNocm9tAHMzY3JldA==").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let server = TestServer::with(|settings| {
        mails_to(settings, &sink);
        settings.smtp_user = Some("chrom".to_owned());
        settings.smtp_password_file = Some(file);
    })
    .await;
    server.http().register(&account("ana")).await.unwrap();
    server.forgets("ana@example.org").await;
    assert_eq!(sink.next().await.to, ["ana@example.org"]);
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_tried_again() {
    let sink = MailSink::that_puts_off(1).await;
    let server = server_with(&sink).await;
    server.http().register(&account("ana")).await.unwrap();
    server.forgets("ana@example.org").await;
    assert_eq!(sink.next().await.to, ["ana@example.org"]);
}

#[tokio::test]
async fn nobody_is_sent_a_flood() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    server.http().register(&account("ana")).await.unwrap();
    for email in ["ana@example.org", "nobody@example.org"] {
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(server.forgets(email).await);
        }
        assert_eq!(answers[5], StatusCode::TOO_MANY_REQUESTS);
        assert!(answers[..5].iter().all(|status| *status == StatusCode::ACCEPTED));
    }
    for _ in 0..5 {
        sink.next().await;
    }
    assert_eq!(sink.len(), 5);
}

#[tokio::test]
async fn what_the_database_has_opens_nothing() {
    let sink = MailSink::start().await;
    let server = server_with(&sink).await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    server.forgets("ana@example.org").await;
    let token = sink.next().await.link("reset");
    let data = server.settings.data_dir.clone();
    let _folder = server.stop().await;
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        stored.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    if let Some(address) = postgres::database_of(&data) {
        stored.extend(postgres::rows_of(&address).await.into_bytes());
    }
    let has = |secret: &str| stored.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(has("ana@example.org"), "not what the server stored");
    for secret in [token.as_str(), cookie.split('=').nth(1).unwrap(), PASSWORD] {
        assert!(!has(secret), "a secret is stored as it is");
    }
}
