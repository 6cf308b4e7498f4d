use std::time::Duration;

use cromulent::chat::previews::{AT_ONCE, FRESH, RETRY};
use cromulent::clock::{Clock, Timestamp};
use cromulent::id::MessageId;
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::{ChannelKind, Message, MessageState, PictureSize, Preview};
use cromulent::telemetry;
use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::support::channels::{PRIVATE, ana_the_admin_and, history, post};
use crate::support::site::{Reply, Site, ok, png};
use crate::support::{PATIENCE, TestServer, TestUser};

const NEWS: &str = "<title>News</title><meta name=description content='Of today'>";

/// A server that may go to this site.
async fn server_near(site: &Site) -> TestServer {
    server_near_at(site, Clock::System).await
}

async fn server_near_at(site: &Site, clock: Clock) -> TestServer {
    let port = site.address.port();
    TestServer::at(clock, |settings| {
        settings.previews_allow = vec!["127.0.0.1".parse().unwrap()];
        settings.previews_ports = vec![port];
    })
    .await
}

fn page(site: &Site, path: &str, title: &str, description: &str) -> Box<Preview> {
    Box::new(Preview::Page {
        address: site.url(path).into(),
        site: String::new(),
        title: title.to_owned(),
        description: description.to_owned(),
        picture: None,
    })
}

/// Waits until so many hyperlinks had nothing at their other end.
async fn failures_reach(count: u64) {
    let reached = async {
        while telemetry::PREVIEWS_FAILED.get() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("nobody went there");
}

impl TestUser {
    /// The next preview that is told of.
    async fn hears_of_a_preview(&mut self) -> (MessageId, Box<Preview>) {
        self.waits_for(|event| match event {
            ServerEvent::PreviewChanged { message, preview, .. } => Some((*message, preview.clone())),
            _ => None,
        })
        .await
    }

    /// What is shown with the newest messages, oldest first.
    async fn sees_previews(&mut self) -> Vec<Option<Box<Preview>>> {
        let latest = self.reads(cromulent::protocol::client::Cursor::Latest).await.0;
        latest.into_iter().map(|message| message.preview).collect()
    }

    async fn dismisses(&mut self, message: MessageId) -> Result<(), ErrorCode> {
        self.asks(&Request::DismissPreview { message }).await.map(drop)
    }
}

#[tokio::test]
async fn a_hyperlink_shows_what_is_at_its_other_end() {
    let site = Site::start().await;
    site.has_page("/news", NEWS);
    let mut server = server_near(&site).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let posted = ana.posts(&format!("look: {} and {}", site.url("/news"), site.url("/other"))).await;
    assert_eq!(posted.preview, None, "nobody waits for it");
    let expected = page(&site, "/news", "News", "Of today");
    for person in [&mut ana, &mut ben] {
        assert_eq!(person.hears_of_a_preview().await, (posted.id, expected.clone()));
        assert_eq!(person.sees_previews().await, [Some(expected.clone())]);
    }
    assert_eq!(site.paths(), ["/news"], "the first hyperlink counts");
    server.restart().await;
    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    assert_eq!(ana.sees_previews().await, [Some(expected)]);
    assert_eq!(site.paths(), ["/news"]);
}

#[tokio::test]
async fn where_admins_want_none_nothing_is_gone_to_and_what_there_is_stays() {
    let site = Site::start().await;
    for path in ["/before", "/off", "/after"] {
        site.has_page(path, NEWS);
    }
    let server = server_near(&site).await;
    let (mut ana, []) = ana_the_admin_and(&server, []).await;
    let wants = async |ana: &TestUser, previews: bool| {
        let body = serde_json::json!({ "settings": [{ "link_previews": previews }] });
        assert!(server.send(Method::PUT, "/api/settings", &ana.cookie, body).await.status.is_success());
    };
    ana.posts(site.url("/before").as_str()).await;
    ana.hears_of_a_preview().await;
    wants(&ana, false).await;
    ana.posts(site.url("/off").as_str()).await;
    ana.posts(site.url("/before").as_str()).await;
    wants(&ana, true).await;
    ana.posts(site.url("/after").as_str()).await;
    ana.hears_of_a_preview().await;
    assert_eq!(site.paths(), ["/before", "/after"]);
    let shown: Vec<_> = ana.sees_previews().await.iter().map(Option::is_some).collect();
    assert_eq!(shown, [true, false, false, true]);
}

#[tokio::test]
async fn what_is_no_hyperlink_is_not_gone_to() {
    let site = Site::start().await;
    site.has_page("/news", NEWS);
    let server = server_near(&site).await;
    let mut ana = server.user("ana").await;
    let url = site.url("/code");
    for text in [
        format!("`{url}`"),
        format!("```\n{url}\n```"),
        format!("~~~\n{url}"),
        url.as_str().replace("://", "://ana@"),
    ] {
        ana.posts(&text).await;
    }
    ana.posts(site.url("/news").as_str()).await;
    ana.hears_of_a_preview().await;
    assert_eq!(site.paths(), ["/news"]);
}

#[tokio::test]
async fn only_members_hear_of_a_preview_and_get_its_picture() {
    let site = Site::start().await;
    site.has_page("/news", "<title>News</title><meta property=og:image content=/a.png>");
    site.has("/a.png", "image/png", &png(300, 200, 50));
    let server = server_near(&site).await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    ana.asks(&post(den, site.url("/news").as_str())).await.unwrap();
    let (message, preview) = ana.hears_of_a_preview().await;
    let Preview::Page { picture, .. } = *preview else { panic!() };
    assert_eq!(picture, Some(PictureSize { width: 300, height: 200 }));
    ana.posts("fence").await;
    let heard = ben.hears_until("fence").await;
    assert!(!heard.iter().any(|event| matches!(event, ServerEvent::PreviewChanged { .. })), "{heard:?}");

    let path = format!("/api/messages/{message}/picture");
    let picture = server.send(Method::GET, &path, &ana.cookie, Value::Null).await;
    assert_eq!(picture.status, StatusCode::OK);
    assert!(picture.body.contains("PNG") && picture.policy.unwrap().contains("default-src 'none'"));
    for (who, status) in [(&*ben.cookie, StatusCode::NOT_FOUND), ("", StatusCode::UNAUTHORIZED)] {
        assert_eq!(server.send(Method::GET, &path, who, Value::Null).await.status, status);
    }
    assert_eq!(ben.dismisses(message).await.unwrap_err(), ErrorCode::NotFound);
    // The site was asked by the server alone, and once.
    assert_eq!(site.paths(), ["/news", "/a.png"]);
    ana.removes(den, ana.id_of("ana")).await;
    assert_eq!(server.send(Method::GET, &path, &ana.cookie, Value::Null).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_hyperlink_to_a_picture_shows_the_picture() {
    let site = Site::start().await;
    site.has("/a", "image/webp", &png(640, 480, 50));
    let server = server_near(&site).await;
    let mut ana = server.user("ana").await;
    let posted = ana.posts(site.url("/a").as_str()).await;
    let size = PictureSize { width: 640, height: 480 };
    let expected = Box::new(Preview::Picture { address: site.url("/a").into(), size });
    assert_eq!(ana.hears_of_a_preview().await, (posted.id, expected));
    let path = format!("/api/messages/{}/picture", posted.id);
    let picture = server.send(Method::GET, &path, &ana.cookie, Value::Null).await;
    assert_eq!((picture.status, site.paths().len()), (StatusCode::OK, 1));
    let without = ana.posts("no hyperlink").await.id;
    for id in [without.to_string(), uuid::Uuid::nil().to_string(), "nonsense".to_owned()] {
        let path = format!("/api/messages/{id}/picture");
        let none = server.send(Method::GET, &path, &ana.cookie, Value::Null).await;
        assert_eq!(none.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn many_messages_with_one_hyperlink_are_one_visit() {
    let site = Site::start().await;
    let news = Reply::Held(ok("text/html", NEWS.as_bytes()));
    site.answers("/news", news);
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let server = server_near_at(&site, clock.clone()).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let text = site.url("/news").to_string();
    let mut posted = Vec::new();
    for _ in 0..25 {
        posted.push(ana.posts(&text).await.id);
        posted.push(ben.posts(&text).await.id);
    }
    site.is_asked(1).await;
    site.lets_go();
    let mut told = Vec::new();
    while told.len() < posted.len() {
        told.push(ana.hears_of_a_preview().await.0);
    }
    told.sort_unstable();
    posted.sort_unstable();
    assert_eq!(told, posted);
    let known = ana.posts(&text).await;
    assert_eq!(known.preview, Some(page(&site, "/news", "News", "Of today")), "it is there at once");
    assert_eq!(site.paths(), ["/news"]);

    // A day later the next one has it looked at again, and shows what was known until then.
    site.has_page("/news", "<title>Newer</title>");
    clock.advance(FRESH);
    assert_eq!(ana.posts(&text).await.preview, known.preview);
    site.is_asked(2).await;
    let newer = page(&site, "/news", "Newer", "");
    while ana.sees_previews().await.last().unwrap().as_ref() != Some(&newer) {}
    // What is not there any more takes nothing away.
    site.answers("/news", Reply::Bytes(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec()));
    clock.advance(FRESH);
    ana.posts(&text).await;
    site.is_asked(3).await;
    assert_eq!(ana.posts(&text).await.preview, Some(newer));
}

#[tokio::test]
async fn where_there_was_nothing_nobody_looks_for_a_while() {
    let site = Site::start().await;
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let server = server_near_at(&site, clock.clone()).await;
    let mut ana = server.user("ana").await;
    let text = site.url("/later").to_string();
    let failed = telemetry::PREVIEWS_FAILED.get();
    ana.posts(&text).await;
    failures_reach(failed + 1).await;
    site.has_page("/later", NEWS);
    site.has_page("/fence", NEWS);
    // What was found is stored by the time that what comes after it is told.
    ana.posts(site.url("/fence").as_str()).await;
    ana.hears_of_a_preview().await;
    ana.posts(&text).await;
    site.has_page("/fence/2", NEWS);
    ana.posts(site.url("/fence/2").as_str()).await;
    ana.hears_of_a_preview().await;
    assert_eq!(site.paths(), ["/later", "/fence", "/fence/2"]);
    clock.advance(RETRY);
    let again = ana.posts(&text).await;
    assert_eq!(ana.hears_of_a_preview().await, (again.id, page(&site, "/later", "News", "Of today")));
}

#[tokio::test]
async fn a_preview_goes_with_its_hyperlink() {
    let site = Site::start().await;
    site.has_page("/one", "<title>One</title>");
    site.has_page("/two", "<title>Two</title>");
    let server = server_near(&site).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let (one, two) = (site.url("/one"), site.url("/two"));
    let posted = ana.posts(one.as_str()).await.id;
    ben.hears_of_a_preview().await;
    ana.hears_of_a_preview().await;
    let edited = |event: &ServerEvent| match event {
        ServerEvent::MessageEdited { message } => Some(message.preview.clone()),
        _ => None,
    };
    // The same hyperlink among other words: the same preview, and nobody goes there again.
    let kept = ana.edits(posted, &format!("see {one}!")).await.unwrap();
    assert_eq!(kept.preview, Some(page(&site, "/one", "One", "")));
    assert_eq!(ben.waits_for(edited).await, kept.preview);
    // Another one: first none, then its own, which says what it is of.
    let other: Message = ana.edits(posted, two.as_str()).await.unwrap();
    assert_eq!((other.preview, ben.waits_for(edited).await), (None, None));
    let MessageState::Edited { at } = other.state else { panic!() };
    let state = ben
        .waits_for(|event| match event {
            ServerEvent::PreviewChanged { message, state, .. } if *message == posted => Some(*state),
            _ => None,
        })
        .await;
    assert_eq!(state, MessageState::Edited { at });
    assert_eq!(ana.sees_previews().await, [Some(page(&site, "/two", "Two", ""))]);
    // None: none.
    assert_eq!(ana.edits(posted, "never mind").await.unwrap().preview, None);
    assert_eq!(ana.sees_previews().await, [None]);
    assert_eq!(site.paths(), ["/one", "/two"]);
    // Deleted: none, and nothing is left of it.
    let deleted = ana.posts(two.as_str()).await.id;
    ana.hears_of_a_preview().await;
    ana.hears_of_a_preview().await;
    ana.deletes(deleted).await.unwrap();
    assert_eq!(ana.sees_previews().await, [None, None]);
    let again = ana.posts(two.as_str()).await;
    assert_eq!(again.preview, None, "it is gone to anew");
}

#[tokio::test]
async fn authors_and_admins_take_previews_away() {
    let site = Site::start().await;
    site.has("/a.png", "image/png", &png(64, 64, 0));
    let server = server_near(&site).await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let text = site.url("/a.png").to_string();
    let mut posted = Vec::new();
    for _ in 0..2 {
        posted.push(ben.posts(&text).await.id);
    }
    while ana.sees_previews().await.iter().any(Option::is_none) {}
    assert_eq!(cai.dismisses(posted[0]).await.unwrap_err(), ErrorCode::NotAllowed);
    ben.dismisses(posted[0]).await.unwrap();
    ana.dismisses(posted[1]).await.unwrap();
    ana.dismisses(posted[1]).await.unwrap();
    let mut gone = Vec::new();
    while gone.len() < 2 {
        let (message, preview) = cai.hears_of_a_preview().await;
        gone.extend((*preview == Preview::Dismissed).then_some(message));
    }
    assert_eq!(gone, posted);
    let dismissed = Box::new(Preview::Dismissed);
    assert_eq!(cai.sees_previews().await, [Some(dismissed.clone()), Some(dismissed.clone())]);
    let path = format!("/api/messages/{}/picture", posted[0]);
    assert_eq!(server.send(Method::GET, &path, &ben.cookie, Value::Null).await.status, StatusCode::NOT_FOUND);
    // It stays away when the words around the hyperlink change.
    let edited = ben.edits(posted[0], &format!("again: {text}")).await.unwrap();
    assert_eq!(edited.preview, Some(dismissed));
    let plain = ben.posts("no hyperlink").await.id;
    assert_eq!(ben.dismisses(plain).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn only_so_many_addresses_are_gone_to_at_once() {
    let site = Site::start().await;
    let server = server_near(&site).await;
    let mut ana = server.user("ana").await;
    let many = 4 * AT_ONCE;
    for n in 0..many {
        site.answers(&format!("/{n}"), Reply::Held(ok("text/html", NEWS.as_bytes())));
        ana.posts(site.url(&format!("/{n}")).as_str()).await;
    }
    site.is_asked(AT_ONCE).await;
    site.lets_go();
    for _ in 0..many {
        ana.hears_of_a_preview().await;
    }
    assert_eq!(site.most_at_once(), AT_ONCE);
}

#[tokio::test]
async fn without_the_operator_nothing_of_this_machine_is_gone_to() {
    let site = Site::start().await;
    site.has_page("/", NEWS);
    let port = site.address.port();
    let server = TestServer::with(|settings| settings.previews_ports = vec![port]).await;
    let mut ana = server.user("ana").await;
    let failed = telemetry::PREVIEWS_FAILED.get();
    for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.8"] {
        ana.posts(&format!("http://{host}:{port}/")).await;
    }
    // The one with brackets is no hyperlink at all, as in the page.
    failures_reach(failed + 3).await;
    assert_eq!(site.was_asked().len(), 0);
    assert!(ana.sees_previews().await.iter().all(Option::is_none));
}

#[tokio::test]
async fn what_a_page_says_of_itself_is_text_and_its_addresses_are_of_the_web() {
    let site = Site::start().await;
    site.has_page(
        "/evil",
        "<title>&lt;img src=x onerror=alert(1)&gt;&#x202e;</title>
         <meta property=og:url content='javascript:alert(1)'><meta property=og:image content='file:///etc/passwd'>
         <meta property=og:site_name content='A&#0;B'>",
    );
    let server = server_near(&site).await;
    let mut ana = server.user("ana").await;
    ana.posts(site.url("/evil").as_str()).await;
    let (_, preview) = ana.hears_of_a_preview().await;
    let Preview::Page { address, site: name, title, picture, .. } = *preview else { panic!() };
    assert_eq!(
        (address, title.as_str(), picture),
        (site.url("/evil").to_string(), "<img src=x onerror=alert(1)>", None)
    );
    assert!(!name.contains('\0'), "{name:?}");
    let den = ana.general();
    assert!(ana.asks(&history(den)).await.is_ok());
}
