use cromulent::bench::client::Reply;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{AuditPage, Registration, ServerInfo};
use cromulent::protocol::server::{ServerEvent, VoiceEnd};
use cromulent::protocol::settings::{ServerSettings, SettingName};
use cromulent::protocol::types::Switches;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::mail::MailSink;
use crate::support::{PASSWORD, TestServer, TestUser, account, answer, refused};

impl TestServer {
    /// What comes of deciding this.
    async fn decides(&self, who: &TestUser, settings: Value) -> Reply {
        self.send(Method::PUT, "/api/settings", &who.cookie, json!({ "settings": settings })).await
    }

    async fn shows_settings(&self, who: &TestUser) -> ServerSettings {
        answer(&self.send(Method::GET, "/api/settings", &who.cookie, Value::Null).await)
    }

    async fn takes(&self, name: &str) -> Reply {
        self.send(Method::POST, "/api/accounts", "", serde_json::to_value(account(name)).unwrap()).await
    }
}

impl TestUser {
    async fn hears_of_switches(&mut self) -> Switches {
        self.waits_for(|event| match event {
            ServerEvent::SettingsChanged { switches } => Some(*switches),
            _ => None,
        })
        .await
    }

    async fn is_out_of_voice(&mut self) -> VoiceEnd {
        self.waits_for(|event| match event {
            ServerEvent::VoiceEnded { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn an_admin_decides_and_every_open_page_hears_of_it_and_it_outlives_the_server() {
    let mut server = TestServer::start().await;
    let root = server.admin("root").await;
    let mut ana = server.user("ana").await;
    let first = server.shows_settings(&root).await;
    assert!(first.voice && first.link_previews && !first.email_confirmation && !first.mail);
    assert_eq!((first.registration, first.given), (Registration::Open, vec![]));

    let reply = server
        .decides(&root, json!([{ "voice": false }, { "registration": "closed" }, { "link_previews": false }]))
        .await;
    let now: ServerSettings = answer(&reply);
    assert!(!now.voice && !now.link_previews && now.registration == Registration::Closed);
    let switches = Switches { voice: false, registration: Registration::Closed, link_previews: false };
    assert_eq!(ana.hears_of_switches().await, switches);
    assert_eq!(ana.elsewhere().await.snapshot.switches, switches);

    server.restart().await;
    assert_eq!(server.shows_settings(&root).await, now);
    let info: ServerInfo = answer(&server.send(Method::GET, "/api/server", "", Value::Null).await);
    assert_eq!(info.registration, Registration::Closed);
    // Whoever has an account signs in as before.
    assert!(server.http().sign_in("ana", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_form_that_was_open_when_registration_closed_makes_no_account() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    assert_eq!(server.takes("ana").await.status, StatusCode::OK);
    server.decides(&root, json!([{ "registration": "closed" }])).await;
    assert_eq!(refused(&server.takes("ben").await), ErrorCode::RegistrationClosed);
    server.decides(&root, json!([{ "registration": "open" }])).await;
    assert_eq!(server.takes("ben").await.status, StatusCode::OK);
}

#[tokio::test]
async fn of_many_who_register_while_it_closes_none_comes_in_after_it_closed() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let registering = futures_util::future::join_all((0..8).map(async |number: usize| {
        let reply = server.takes(&format!("guest-{number}")).await;
        (number, reply)
    }));
    let (all, closed) =
        tokio::join!(registering, server.decides(&root, json!([{ "registration": "closed" }])));
    assert!(closed.status.is_success());
    // Whoever was told yes is there, and nobody else.
    let there = TestUser::connect(&server, "root", root.cookie.clone()).await;
    for (number, reply) in all {
        let name = format!("guest-{number}");
        let known = there.snapshot.users.iter().any(|user| user.username == name);
        assert_eq!(reply.status.is_success(), known, "{name}: {reply:?}");
        if !known {
            assert_eq!(refused(&reply), ErrorCode::RegistrationClosed);
        }
    }
    assert_eq!(refused(&server.takes("late").await), ErrorCode::RegistrationClosed);
}

#[tokio::test]
async fn voice_off_ends_every_call_with_a_reason_and_lets_nobody_in_until_it_is_on() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;
    server.decides(&root, json!([{ "voice": false }])).await;
    assert_eq!(ana.is_out_of_voice().await, VoiceEnd::SwitchedOff);
    assert_eq!(ben.is_out_of_voice().await, VoiceEnd::SwitchedOff);
    anas.is_over().await;
    bens.is_over().await;
    let lounge = ana.lounge();
    assert_eq!(ana.asks_to_join(lounge).await, Err(ErrorCode::VoiceUnavailable));
    assert!(ana.elsewhere().await.snapshot.rooms.is_empty());
    server.decides(&root, json!([{ "voice": true }])).await;
    ana.joins_voice().await;
}

#[tokio::test]
async fn addresses_are_confirmed_from_one_moment_to_the_next_where_there_is_mail() {
    let sink = MailSink::start().await;
    let server = TestServer::with(|settings| {
        settings.smtp_host = Some(sink.address.ip().to_string());
        settings.smtp_port = Some(sink.address.port());
        settings.smtp_tls = cromulent::config::SmtpTls::None;
        settings.mail_from = Some("chat@example.org".to_owned());
    })
    .await;
    let root = server.admin("root").await;
    server.takes("ana").await;
    server.decides(&root, json!([{ "email_confirmation": true }])).await;
    assert_eq!(server.takes("ben").await.status, StatusCode::ACCEPTED);
    let letter = sink.next().await;
    // Who never confirmed is locked out until they do; the admin vouched for herself.
    let signs_in = async |name: &str| {
        let body = json!({ "login": name, "password": PASSWORD });
        server.send(Method::POST, "/api/session", "", body).await
    };
    assert_eq!(refused(&signs_in("ana").await), ErrorCode::NotConfirmed);
    assert!(signs_in("root").await.status.is_success());
    // A registration that waits does not get in by a link once the door is closed.
    server.decides(&root, json!([{ "registration": "closed" }])).await;
    let confirms = async || {
        let body = json!({ "token": letter.link("confirm") });
        server.send(Method::POST, "/api/confirmation", "", body).await
    };
    assert_eq!(refused(&confirms().await), ErrorCode::RegistrationClosed);
    server.decides(&root, json!([{ "registration": "open" }, { "email_confirmation": false }])).await;
    assert_eq!(confirms().await.status, StatusCode::NO_CONTENT);
    assert!(signs_in("ana").await.status.is_success());
}

#[tokio::test]
async fn without_mail_nobody_can_be_asked_for_a_confirmation() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let reply = server.decides(&root, json!([{ "voice": false }, { "email_confirmation": true }])).await;
    assert_eq!(refused(&reply), ErrorCode::NoMail);
    assert!(server.shows_settings(&root).await.voice, "all of it or nothing");
}

#[tokio::test]
async fn what_the_operator_gave_holds_and_admins_are_told_so() {
    let mut server =
        TestServer::with(|settings| settings.registration = Some(cromulent::config::Registration::Closed))
            .await;
    let root = server.admin("root").await;
    let shown = server.shows_settings(&root).await;
    assert_eq!((shown.registration, shown.given), (Registration::Closed, vec![SettingName::Registration]));
    let reply = server.decides(&root, json!([{ "registration": "open" }])).await;
    assert_eq!(refused(&reply), ErrorCode::GivenByOperator);
    assert!(server.decides(&root, json!([{ "voice": false }])).await.status.is_success());
    // Taken away, what admins decided holds again, which was nothing.
    server.settings.registration = None;
    server.settings.voice = Some(cromulent::config::Switch::On);
    server.restart().await;
    let shown = server.shows_settings(&root).await;
    assert_eq!((shown.registration, shown.voice), (Registration::Open, true));
    assert_eq!(shown.given, [SettingName::Voice]);
}

#[tokio::test]
async fn settings_are_for_admins_alone_and_written_down() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let ana = server.user("ana").await;
    let reply = server.send(Method::GET, "/api/settings", &ana.cookie, Value::Null).await;
    assert_eq!(refused(&reply), ErrorCode::NotAllowed);
    assert_eq!(refused(&server.decides(&ana, json!([{ "voice": false }])).await), ErrorCode::NotAllowed);
    assert_eq!(refused(&server.decides(&ana, json!([])).await), ErrorCode::NotAllowed);
    for nonsense in [json!([{ "voice": "perhaps" }]), json!([{ "colour": true }]), json!("voice")] {
        assert_eq!(refused(&server.decides(&root, nonsense).await), ErrorCode::Malformed);
    }
    let many = json!(vec![json!({ "voice": true }); 17]);
    assert_eq!(refused(&server.decides(&root, many).await), ErrorCode::Invalid);
    server.decides(&root, json!([{ "voice": true }, { "registration": "closed" }])).await;
    let page: AuditPage = answer(&server.send(Method::GET, "/api/audit", &root.cookie, Value::Null).await);
    let told: Vec<_> =
        page.entries.iter().map(|entry| (entry.action.text(), entry.detail.as_str(), entry.actor)).collect();
    assert_eq!(told, [("setting_changed", "registration: closed", Some(root.snapshot.me))]);
}
