//! Stories about channels: who makes them, who sees them, and how many are heard in them.

use cromulent::id::ChannelId;
use cromulent::protocol::client::{ChannelSetting, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent, VoiceEnd};
use cromulent::protocol::types::{Admission, Channel, ChannelKind, Writers};

use crate::support::channels::{OPEN, ana_the_admin_and, create, history, post};
use crate::support::{TestServer, TestUser};

fn heard(max_speakers: Option<u8>) -> Vec<ChannelSetting> {
    vec![ChannelSetting::MaxSpeakers(max_speakers)]
}

impl TestUser {
    async fn lets_be_heard(&mut self, channel: ChannelId, max_speakers: Option<u8>) -> Channel {
        self.changes(channel, heard(max_speakers)).await.unwrap()
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
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let garden = ana.makes("  The Garden ", ChannelKind::Text, vec![]).await;
    assert_eq!((garden.name.as_str(), garden.slug.as_str()), ("The Garden", "the-garden"));
    assert_eq!(ben.sees_a_new_channel().await, garden);
    assert_eq!(ana.sees_a_new_channel().await, garden);

    ben.writes(garden.id, "first in the garden").await;
    ana.hears_that("first in the garden").await;
    ben.asks(&Request::SetTyping { channel: garden.id, active: true }).await.unwrap();

    let cleo = server.user("cleo").await;
    assert_eq!(cleo.snapshot.channels.last(), Some(&garden));
    server.restart().await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.snapshot.channels.last(), Some(&garden));
    assert!(
        matches!(ben.asks(&history(garden.id)).await, Ok(Answer::Messages { messages, .. }) if messages.len() == 1)
    );
}

#[tokio::test]
async fn only_an_admin_changes_channels() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let refused = ben.asks(&create("mine", ChannelKind::Text, vec![])).await.unwrap_err();
    assert_eq!(refused, ErrorCode::NotAllowed);
    let lounge = ben.lounge();
    assert_eq!(ben.changes(lounge, heard(Some(1))).await.unwrap_err(), ErrorCode::NotAllowed);
    // What was refused is not half done: the next one that is made is the first one seen.
    let yours = ana.makes("yours", ChannelKind::Voice, heard(Some(3))).await;
    assert_eq!(ben.sees_a_new_channel().await, yours);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let server = TestServer::start().await;
    let (mut ana, []) = ana_the_admin_and(&server, []).await;
    let long = "a".repeat(61);
    for bad in ["", " \t", "日本", "two\nlines", "x\u{202e}lareneg", "gen\u{200b}eral", &long] {
        let refused = ana.asks(&create(bad, ChannelKind::Text, vec![])).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{bad:?}");
    }
    for (kind, number) in [(ChannelKind::Voice, 0), (ChannelKind::Voice, 17), (ChannelKind::Text, 3)] {
        let refused = ana.asks(&create("room", kind, heard(Some(number)))).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{number}");
    }
    for taken in ["general", "LOUNGE", " General! "] {
        let refused = ana.asks(&create(taken, ChannelKind::Voice, vec![])).await.unwrap_err();
        assert_eq!(refused, ErrorCode::NameTaken, "{taken}");
    }
    let (text, lounge) = (ana.general(), ana.lounge());
    for (channel, number) in [(text, 1), (lounge, 0), (lounge, 17)] {
        let refused = ana.changes(channel, heard(Some(number))).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{number}");
    }
    for nonsense in [
        ChannelSetting::Topic("two\nlines".to_owned()),
        ChannelSetting::Topic("turned \u{202e}dnuora".to_owned()),
        ChannelSetting::Topic("t".repeat(301)),
        ChannelSetting::Name("!?".to_owned()),
    ] {
        assert_eq!(ana.changes(text, vec![nonsense]).await.unwrap_err(), ErrorCode::Invalid);
    }
    let announced = vec![ChannelSetting::Writers(Writers::Admins)];
    assert_eq!(ana.changes(lounge, announced).await.unwrap_err(), ErrorCode::Invalid);
    let many = vec![ChannelSetting::Archived(true); 17];
    assert_eq!(ana.changes(text, many).await.unwrap_err(), ErrorCode::Invalid);
    let taken = vec![ChannelSetting::Name("Lounge!".to_owned())];
    assert_eq!(ana.changes(text, taken).await.unwrap_err(), ErrorCode::NameTaken);
    let unknown = ChannelId::from(uuid::Uuid::nil());
    assert_eq!(ana.changes(unknown, heard(None)).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn the_number_of_speakers_changes_in_a_running_room() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let stage = ana.makes("Stage", ChannelKind::Voice, heard(Some(1))).await;
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
    let (mut ana, []) = ana_the_admin_and(&server, []).await;
    let other = ana.makes("other", ChannelKind::Text, vec![]).await.id;
    let mut second_tab = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    for number in 0..10 {
        let nonce = format!("nonce-{number}");
        let post = Request::PostMessage { channel: other, body: "hi".to_owned(), nonce: nonce.clone() };
        let (here, there) = tokio::join!(ana.posts_with_nonce("hi", &nonce), second_tab.asks(&post));
        let Answer::MessagePosted { message } = there.unwrap() else { panic!("another answer") };
        assert_eq!(here.unwrap(), message);
    }
}

#[tokio::test]
async fn a_channel_changes_under_the_eyes_of_those_who_are_in_it() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let general = ana.general();
    let settings = vec![
        ChannelSetting::Name("Town Square".to_owned()),
        ChannelSetting::Topic("  What goes on  ".to_owned()),
        ChannelSetting::Admission(Admission::Open),
    ];
    let square = ana.changes(general, settings.clone()).await.unwrap();
    assert_eq!(
        (square.id, square.slug.as_str(), square.topic.as_str()),
        (general, "town-square", "What goes on")
    );
    assert_eq!(ben.sees_a_changed_channel().await, square);
    // The same once more is no change, and nobody is told.
    assert_eq!(ana.changes(general, settings).await.unwrap(), square);
    ana.writes(general, "fence").await;
    let heard = ben.hears_on_the_wire_until("fence").await;
    assert!(heard.iter().all(|event| !event.contains("channel_updated")), "{heard:?}");
    server.restart().await;
    let ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.snapshot.channels[0], square);
}

#[tokio::test]
async fn two_admins_who_edit_at_once_both_have_their_way() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let mut again = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    let general = ana.general();
    for round in 0..10 {
        let (name, topic) = (format!("Name {round}"), format!("Topic {round}"));
        let (one, other) = tokio::join!(
            ana.changes(general, vec![ChannelSetting::Name(name.clone())]),
            again.changes(general, vec![ChannelSetting::Topic(topic.clone())]),
        );
        one.unwrap();
        other.unwrap();
        ben.sees_a_changed_channel().await;
        let now = ben.sees_a_changed_channel().await;
        assert_eq!((now.name, now.topic), (name, topic));
    }
    // The same thing: one of the two, and the same one for everybody.
    for round in 0..10 {
        let topic = |who: &str| vec![ChannelSetting::Topic(format!("{who} {round}"))];
        let (_, _) = tokio::join!(ana.changes(general, topic("a")), again.changes(general, topic("b")));
        ben.sees_a_changed_channel().await;
        let last = ben.sees_a_changed_channel().await;
        let fresh = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
        assert_eq!(fresh.snapshot.channels[0], last);
        fresh.socket.close(1000).await.unwrap();
    }
}

#[tokio::test]
async fn a_channel_made_twice_at_once_is_there_once() {
    let server = TestServer::start().await;
    let (mut ana, []) = ana_the_admin_and(&server, []).await;
    let mut again = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    let request = create("Garden", ChannelKind::Text, vec![]);
    let (one, other) = tokio::join!(ana.asks(&request), again.asks(&request));
    let outcomes = [one.map(drop), other.map(drop)];
    assert!(outcomes.contains(&Ok(())) && outcomes.contains(&Err(ErrorCode::NameTaken)), "{outcomes:?}");
}

#[tokio::test]
async fn in_an_archive_one_reads_and_does_nothing_else() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (general, lounge) = (ana.general(), ana.lounge());
    ben.writes(general, "before").await;
    let mut call = ben.joins_voice().await;
    for channel in [general, lounge] {
        ana.changes(channel, vec![ChannelSetting::Archived(true)]).await.unwrap();
    }
    assert!(ben.sees_a_changed_channel().await.archived);
    ben.is_told_that_voice_ended(VoiceEnd::Removed).await;
    assert!(ben.sees_a_changed_channel().await.archived);
    call.is_over().await;
    for user in [&mut ana, &mut ben] {
        assert_eq!(user.asks(&post(general, "after")).await.unwrap_err(), ErrorCode::Archived);
        let typing = Request::SetTyping { channel: general, active: true };
        assert_eq!(user.asks(&typing).await.unwrap_err(), ErrorCode::Archived);
        assert_eq!(user.tries_to_join(lounge).await.err(), Some(ErrorCode::Archived));
        assert_eq!(user.sees_history().await, ["before"]);
    }
    // What was posted before and asked for again is still there.
    assert!(ben.asks(&post(general, "before")).await.is_ok());
    server.restart().await;
    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert!(ben.snapshot.channels.iter().all(|channel| channel.archived));
    for channel in [general, lounge] {
        ana.changes(channel, vec![ChannelSetting::Archived(false)]).await.unwrap();
    }
    ben.writes(general, "again").await;
    ben.joins_voice().await;
}

#[tokio::test]
async fn a_deleted_channel_is_gone_for_everybody_at_once() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let garden = ana.makes("Garden", ChannelKind::Text, vec![]).await.id;
    let stage = ana.makes("Stage", ChannelKind::Voice, heard(Some(1))).await.id;
    ben.writes(garden, "so much work").await;
    let mut call = ben.tries_to_join(stage).await.unwrap();
    for channel in [garden, stage] {
        ana.asks(&Request::DeleteChannel { channel }).await.unwrap();
    }
    ben.sees_that_it_is_gone(garden).await;
    ben.is_told_that_voice_ended(VoiceEnd::Removed).await;
    ben.sees_that_it_is_gone(stage).await;
    call.is_over().await;
    for request in [post(garden, "hello?"), history(garden), Request::DeleteChannel { channel: garden }] {
        assert_eq!(ana.asks(&request).await.unwrap_err(), ErrorCode::NotFound, "{request:?}");
    }
    assert_eq!(ben.finds_on_a_fresh_page().await, ["general", "Lounge"]);
    // The name is free, and nothing of the old one is in the new one.
    let fresh = ana.makes("Garden", ChannelKind::Text, vec![]).await.id;
    assert!(
        matches!(ben.asks(&history(fresh)).await, Ok(Answer::Messages { messages, .. }) if messages.is_empty())
    );
}

#[tokio::test]
async fn deleted_twice_at_once_it_is_deleted_once() {
    let server = TestServer::start().await;
    let (mut ana, []) = ana_the_admin_and(&server, []).await;
    let mut again = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    let request = Request::DeleteChannel { channel: ana.general() };
    let (one, other) = tokio::join!(ana.asks(&request), again.asks(&request));
    let outcomes = [one.map(drop), other.map(drop)];
    assert!(outcomes.contains(&Ok(())) && outcomes.contains(&Err(ErrorCode::NotFound)), "{outcomes:?}");
}

#[tokio::test]
async fn who_registers_is_in_what_is_for_everybody_and_finds_what_is_open() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let club = ana.makes("Club", ChannelKind::Text, vec![OPEN]).await;
    ana.makes("Square", ChannelKind::Text, vec![]).await;
    assert_eq!(ben.sees_a_new_channel().await.name, "Square", "ben is told of a channel he is not in");
    let cai = server.user("cai").await;
    assert_eq!(cai.finds_on_a_fresh_page().await, ["general", "Lounge", "Square"]);
    // From now on for everybody: whoever registers after that is in it, and nobody else.
    ana.changes(club.id, vec![ChannelSetting::Admission(Admission::Everybody)]).await.unwrap();
    assert_eq!(cai.finds_on_a_fresh_page().await, ["general", "Lounge", "Square"]);
    assert_eq!(server.user("dora").await.snapshot.channels.len(), 4);
    assert_eq!(ben.browses().await, ["Club"]);
}

impl TestUser {
    async fn is_told_that_voice_ended(&mut self, why: VoiceEnd) {
        self.waits_for(|event| match event {
            ServerEvent::VoiceEnded { reason, .. } if *reason == why => Some(()),
            _ => None,
        })
        .await;
    }
}
