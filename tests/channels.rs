//! Stories about channels: who makes them, who sees them, and how many are heard in them.

use cromulent::id::ChannelId;
use cromulent::protocol::client::{Cursor, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::Register;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Channel, ChannelKind};

use crate::support::{TestServer, TestUser, account};

fn create(name: &str, kind: ChannelKind, max_speakers: Option<u8>) -> Request {
    Request::CreateChannel { name: name.to_owned(), kind, max_speakers }
}

/// The first admin, and somebody else.
async fn ana_the_admin_and_ben(server: &TestServer) -> [TestUser; 2] {
    let form = Register { setup_token: server.setup_token(), ..account("ana") };
    let cookie = server.http().register(&form).await.unwrap();
    [TestUser::connect(server, "ana", cookie).await, server.user("ben").await]
}

impl TestUser {
    async fn makes(&mut self, name: &str, kind: ChannelKind, max_speakers: Option<u8>) -> Channel {
        match self.asks(&create(name, kind, max_speakers)).await.unwrap() {
            Answer::ChannelCreated { channel } => channel,
            other => panic!("{other:?}"),
        }
    }

    async fn lets_be_heard(&mut self, channel: ChannelId, max_speakers: Option<u8>) -> Channel {
        match self.asks(&Request::UpdateChannel { channel, max_speakers }).await.unwrap() {
            Answer::ChannelUpdated { channel } => channel,
            other => panic!("{other:?}"),
        }
    }

    async fn sees_a_new_channel(&mut self) -> Channel {
        self.waits_for(|event| match event {
            ServerEvent::ChannelCreated { channel } => Some(channel.clone()),
            _ => None,
        })
        .await
    }

    async fn sees_a_changed_channel(&mut self) -> Channel {
        self.waits_for(|event| match event {
            ServerEvent::ChannelUpdated { channel } => Some(channel.clone()),
            _ => None,
        })
        .await
    }

    /// How many slots are held, as soon as it is told again.
    async fn sees_slots(&mut self, held: usize) {
        self.waits_for(|event| match event {
            ServerEvent::SlotsChanged { slots, .. } => (slots.iter().flatten().count() == held).then_some(()),
            _ => None,
        })
        .await;
    }
}

#[tokio::test]
async fn a_new_channel_is_there_for_everybody_at_once_and_for_good() {
    let mut server = TestServer::start().await;
    let [mut ana, mut ben] = ana_the_admin_and_ben(&server).await;
    let garden = ana.makes("  The Garden ", ChannelKind::Text, None).await;
    assert_eq!((garden.name.as_str(), garden.slug.as_str()), ("The Garden", "the-garden"));
    assert_eq!(ben.sees_a_new_channel().await, garden);
    assert_eq!(ana.sees_a_new_channel().await, garden);

    let request = Request::PostMessage {
        channel: garden.id,
        body: "first in the garden".to_owned(),
        nonce: "garden-1".to_owned(),
    };
    ben.asks(&request).await.unwrap();
    ana.hears_that("first in the garden").await;
    ben.asks(&Request::SetTyping { channel: garden.id, active: true }).await.unwrap();

    let cleo = server.user("cleo").await;
    assert_eq!(cleo.snapshot.channels.last(), Some(&garden));
    server.restart().await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.snapshot.channels.last(), Some(&garden));
    let page = Request::LoadMessages { channel: garden.id, page: Cursor::Latest };
    assert!(matches!(ben.asks(&page).await, Ok(Answer::Messages { messages, .. }) if messages.len() == 1));
}

#[tokio::test]
async fn only_an_admin_changes_channels() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = ana_the_admin_and_ben(&server).await;
    let refused = ben.asks(&create("mine", ChannelKind::Text, None)).await.unwrap_err();
    assert_eq!(refused, ErrorCode::NotAllowed);
    let channel = ben.lounge();
    let refused = ben.asks(&Request::UpdateChannel { channel, max_speakers: Some(1) }).await.unwrap_err();
    assert_eq!(refused, ErrorCode::NotAllowed);
    // What was refused is not half done: the next one that is made is the first one seen.
    let yours = ana.makes("yours", ChannelKind::Voice, Some(3)).await;
    assert_eq!(ben.sees_a_new_channel().await, yours);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let server = TestServer::start().await;
    let [mut ana, _ben] = ana_the_admin_and_ben(&server).await;
    let long = "a".repeat(61);
    for bad in ["", " \t", "日本", "two\nlines", &long] {
        let refused = ana.asks(&create(bad, ChannelKind::Text, None)).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{bad:?}");
    }
    for (kind, number) in [(ChannelKind::Voice, 0), (ChannelKind::Voice, 17), (ChannelKind::Text, 3)] {
        let refused = ana.asks(&create("room", kind, Some(number))).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{number}");
    }
    for taken in ["general", "LOUNGE", " General! "] {
        let refused = ana.asks(&create(taken, ChannelKind::Voice, None)).await.unwrap_err();
        assert_eq!(refused, ErrorCode::NameTaken, "{taken}");
    }
    let (text, lounge) = (ana.general(), ana.lounge());
    for (channel, number) in [(text, 1), (lounge, 0), (lounge, 17)] {
        let update = Request::UpdateChannel { channel, max_speakers: Some(number) };
        assert_eq!(ana.asks(&update).await.unwrap_err(), ErrorCode::Invalid, "{number}");
    }
    let unknown = ChannelId::from(uuid::Uuid::nil());
    let update = Request::UpdateChannel { channel: unknown, max_speakers: None };
    assert_eq!(ana.asks(&update).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn the_number_of_speakers_changes_in_a_running_room() {
    let mut server = TestServer::start().await;
    let [mut ana, mut ben] = ana_the_admin_and_ben(&server).await;
    let stage = ana.makes("Stage", ChannelKind::Voice, Some(1)).await;
    ben.sees_a_new_channel().await;
    let mut anas = ana.tries_to_join(stage.id).await.unwrap();
    ana.sees_slots(1).await;
    let mut bens = ben.tries_to_join(stage.id).await.unwrap();
    anas.talks();
    bens.talks();
    bens.hears(anas.participant, 20).await;
    assert!(!anas.heard().contains_key(&bens.participant), "two are heard where one may be");

    let open = ana.lets_be_heard(stage.id, None).await;
    assert_eq!(open.max_speakers, None);
    assert_eq!(ben.sees_a_changed_channel().await, open);
    anas.hears(bens.participant, 20).await;
    let lonely = ana.lets_be_heard(stage.id, Some(1)).await;
    // Whoever is in the middle of a sentence ends it.
    bens.falls_silent();
    anas.stops_hearing(bens.participant).await;
    ana.sees_slots(1).await;

    server.restart().await;
    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    assert_eq!(ana.snapshot.channels.last(), Some(&lonely));
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    let anas = ana.tries_to_join(stage.id).await.unwrap();
    ana.sees_slots(1).await;
    let mut bens = ben.tries_to_join(stage.id).await.unwrap();
    anas.talks();
    bens.talks();
    bens.hears(anas.participant, 20).await;
    assert!(anas.heard().is_empty(), "a restart forgets the setting");
}

#[tokio::test]
async fn a_post_that_comes_twice_at_once_for_two_channels_is_one() {
    let server = TestServer::start().await;
    let [mut ana, _ben] = ana_the_admin_and_ben(&server).await;
    let other = ana.makes("other", ChannelKind::Text, None).await.id;
    let mut second_tab = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    for number in 0..10 {
        let nonce = format!("nonce-{number}");
        let post = Request::PostMessage { channel: other, body: "hi".to_owned(), nonce: nonce.clone() };
        let (here, there) = tokio::join!(ana.posts_with_nonce("hi", &nonce), second_tab.asks(&post));
        let Answer::MessagePosted { message } = there.unwrap() else { panic!("another answer") };
        assert_eq!(here.unwrap(), message);
    }
}
