use std::os::unix::fs::PermissionsExt;

use cromulent::bench::client::Reply;
use cromulent::clock::{Clock, Timestamp};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::Answer;
use cromulent::protocol::settings::{RelayOutcome, RelayTest, ServerSettings, SettingName};
use cromulent::turn::{self, Secret, Tried};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::support::relay::Relay;
use crate::support::{TestServer, TestUser, answer, refused};

const SECRET: &str = "a-secret-of-relays";

impl TestServer {
    async fn sets_relays(&self, who: &TestUser, urls: &[&str], secret: Option<&str>) -> Reply {
        let body = json!({ "settings": [{ "relays": { "urls": urls, "secret": secret } }] });
        self.send(Method::PUT, "/api/settings", &who.cookie, body).await
    }

    async fn tries_relays(&self, who: &TestUser) -> Vec<RelayOutcome> {
        let reply = self.send(Method::POST, "/api/settings/relay-test", &who.cookie, Value::Null).await;
        answer::<RelayTest>(&reply).relays.into_iter().map(|tried| tried.outcome).collect()
    }

    async fn shows(&self, who: &TestUser) -> (ServerSettings, String) {
        let reply = self.send(Method::GET, "/api/settings", &who.cookie, Value::Null).await;
        (answer(&reply), reply.body)
    }
}

#[tokio::test]
async fn whoever_joins_gets_a_name_at_the_relay_that_ends_within_a_day() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let server = TestServer::at(clock, |_| {}).await;
    let root = server.admin("root").await;
    let mut ana = server.user("ana").await;
    let lounge = ana.lounge();
    let relay_for = async |ana: &mut TestUser| match ana.asks_for_a_place(lounge).await {
        Ok(Answer::VoiceJoined { relay, .. }) => relay,
        other => panic!("{other:?}"),
    };
    assert!(relay_for(&mut ana).await.is_none());
    let urls = ["turn:relay.example.org", "turns:relay.example.org:443"];
    server.sets_relays(&root, &urls, Some(SECRET)).await;
    let relay = relay_for(&mut ana).await.unwrap();
    let whole = ["turn:relay.example.org:3478?transport=udp", "turns:relay.example.org:443?transport=tcp"];
    assert_eq!(relay.urls, whole);
    let me = uuid::Uuid::from(ana.snapshot.me);
    assert_eq!(relay.username, format!("{}:{me}", 1_800_000_000 + 24 * 60 * 60));
    let until = Timestamp::from_millis((1_800_000_000 + 24 * 60 * 60) * 1000);
    let made = turn::credentials(&Secret::parse(SECRET).unwrap(), &me.to_string(), until);
    assert_eq!((relay.username.as_str(), relay.credential.as_str()), (&*made.username, &*made.password));
    assert!(!format!("{relay:?}").contains(&relay.credential), "a log line would have it");
    server.sets_relays(&root, &[], None).await;
    assert!(relay_for(&mut ana).await.is_none());
}

#[tokio::test]
async fn a_real_relay_gives_a_place_to_who_knows_the_secret_and_to_nobody_else() {
    let relay = Relay::start(SECRET).await;
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    assert_eq!(server.tries_relays(&root).await, []);
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let closed = format!("turn:{closed}");
    let urls = [&*relay.url("udp"), &relay.url("tcp"), &closed, "turns:127.0.0.1"];
    server.sets_relays(&root, &urls, Some(SECRET)).await;
    let tried = server.tries_relays(&root).await;
    for works in &tried[..2] {
        let RelayOutcome::Works { relay } = works else { panic!("{tried:?}") };
        assert!(relay.starts_with("127.0.0.1:"), "{relay}");
    }
    assert_eq!(tried[2..], [RelayOutcome::Unreachable, RelayOutcome::NotTried]);
    server.sets_relays(&root, &urls[..2], Some("another-secret")).await;
    assert_eq!(server.tries_relays(&root).await, [RelayOutcome::Refused, RelayOutcome::Refused]);
}

#[tokio::test]
async fn what_answers_and_is_no_relay_is_not_taken_for_one() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at_udp, at_tcp) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            // Noise first, then a success that nobody signed: to a request without a name that is none.
            let _ = udp.send_to(b"noise", from).await;
            let mut answer = buffer[..20].to_vec();
            answer[..4].copy_from_slice(&[1, 3, 0, 0]);
            let _ = udp.send_to(&answer, from).await;
            assert!(length >= 20);
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let mut buffer = [0; 64];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let credentials =
        turn::credentials(&Secret::parse(SECRET).unwrap(), "ana", Timestamp::from_millis(i64::MAX / 2));
    for url in [format!("turn:{at_udp}"), format!("turn:{at_tcp}?transport=tcp")] {
        let tried = turn::try_out(&url.parse().unwrap(), &credentials).await;
        assert_eq!(tried, Tried::NotARelay, "{url}");
    }
}

#[tokio::test]
async fn the_secret_is_kept_over_a_restart_and_told_to_nobody() {
    let mut server = TestServer::start().await;
    let root = server.admin("root").await;
    let reply = server.sets_relays(&root, &["turn:relay.example.org"], Some(SECRET)).await;
    assert!(reply.status.is_success() && !reply.body.contains(SECRET), "{reply:?}");
    // Without another secret it stays the same.
    server.sets_relays(&root, &["turn:relay.example.net"], None).await;
    server.restart().await;
    let (shown, body) = server.shows(&root).await;
    assert!(shown.relays.has_secret && !body.contains(SECRET));
    assert_eq!(shown.relays.urls, ["turn:relay.example.net:3478?transport=udp"]);
    let mut page = TestUser::connect(&server, "root", root.cookie.clone()).await;
    let lounge = page.lounge();
    let given = page.asks_for_a_place(lounge).await.unwrap();
    assert!(matches!(given, Answer::VoiceJoined { relay: Some(_), .. }), "{given:?}");
    let log = server.send(Method::GET, "/api/audit", &root.cookie, Value::Null).await.body;
    assert!(log.contains("relay.example.net") && !log.contains(SECRET), "{log}");

    let data = server.settings.data_dir.clone();
    let key = data.join("secrets.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for file in std::fs::read_dir(&data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "it is on the disk");
    }
    // Without the key it is lost, and the page asks for it again.
    std::fs::remove_file(key).unwrap();
    server.restart().await;
    let (shown, _) = server.shows(&root).await;
    assert!(!shown.relays.has_secret && shown.relays.urls.len() == 1);
    assert_eq!(refused(&server.sets_relays(&root, &["turn:a"], None).await), ErrorCode::Invalid);
    assert!(server.sets_relays(&root, &["turn:a"], Some(SECRET)).await.status.is_success());
}

#[tokio::test]
async fn relays_that_the_operator_gave_are_not_for_admins_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let server = TestServer::with(|settings| {
        settings.turn_url = vec!["turn:relay.example.org".parse().unwrap()];
        settings.turn_secret_file = Some(file);
    })
    .await;
    let root = server.admin("root").await;
    let (shown, _) = server.shows(&root).await;
    assert_eq!((shown.given, shown.relays.has_secret), (vec![SettingName::Relays], true));
    let reply = server.sets_relays(&root, &[], None).await;
    assert_eq!(refused(&reply), ErrorCode::GivenByOperator);
}

#[tokio::test]
async fn nonsense_is_no_relay_and_only_admins_are_asked() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let ana = server.user("ana").await;
    for (urls, secret) in [
        (&["http://relay.example.org"][..], Some(SECRET)),
        (&["turn:relay.example.org"], None),
        (&["turn:relay.example.org"], Some("")),
        (&["turn:a", "turn:b", "turn:c", "turn:d", "turn:e"], Some(SECRET)),
    ] {
        assert_eq!(refused(&server.sets_relays(&root, urls, secret).await), ErrorCode::Invalid, "{urls:?}");
    }
    let reply = server.sets_relays(&ana, &["turn:a"], Some(SECRET)).await;
    assert_eq!(refused(&reply), ErrorCode::NotAllowed);
    let reply = server.send(Method::POST, "/api/settings/relay-test", &ana.cookie, Value::Null).await;
    assert_eq!(refused(&reply), ErrorCode::NotAllowed);
}
