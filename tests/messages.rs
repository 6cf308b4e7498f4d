use cromulent::id::{ChannelId, IdSource};
use cromulent::protocol::client::{Cursor, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::MessageState;

use crate::support::channels::ana_the_admin_and;
use crate::support::{TestServer, postgres};

#[tokio::test]
async fn what_ana_writes_ben_reads_at_once_and_later() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let posted = ana.posts("  hi @ben\n").await;
    assert_eq!(posted.body, "hi @ben");
    assert_eq!(ben.hears_that("hi @ben").await, posted.id);
    assert_eq!(ana.hears_that("hi @ben").await, posted.id, "the author's other tabs need it too");
    assert_eq!(ben.sees_history().await, ["hi @ben"]);
}

#[tokio::test]
async fn a_blind_retry_posts_once() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let first = ana.posts_with_nonce("once", "n").await.unwrap();
    let second = ana.posts_with_nonce("once", "n").await.unwrap();
    assert_eq!(first.id, second.id);
    let others = ben.posts_with_nonce("mine", "n").await.unwrap();
    assert_ne!(first.id, others.id, "a nonce belongs to its author");
    assert_eq!(ana.sees_history().await, ["once", "mine"]);
}

#[tokio::test]
async fn messages_that_are_none_are_refused_and_lose_nothing() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    assert_eq!(ana.posts_with_nonce(" \n ", "1").await.unwrap_err(), ErrorCode::EmptyMessage);
    assert_eq!(ana.posts_with_nonce(&"x".repeat(4001), "2").await.unwrap_err(), ErrorCode::MessageTooLong);
    assert_eq!(ana.posts_with_nonce("hi", "").await.unwrap_err(), ErrorCode::Invalid);
    assert_eq!(ana.posts_with_nonce("hi", &"n".repeat(65)).await.unwrap_err(), ErrorCode::Invalid);
    ana.posts_with_nonce(&"ä".repeat(4000), "2").await.unwrap();
    assert_eq!(ana.sees_history().await.len(), 1);
}

#[tokio::test]
async fn nobody_writes_where_they_are_not_or_where_people_talk() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let nowhere: ChannelId = IdSource::default().next(cromulent::clock::Clock::System.now());
    for channel in [nowhere, ana.lounge()] {
        let post = Request::PostMessage { channel, body: "hi".to_owned(), nonce: "n".to_owned() };
        assert_eq!(ana.asks(&post).await.unwrap_err(), ErrorCode::NotFound);
        let load = Request::LoadMessages { channel, page: Cursor::Latest };
        assert_eq!(ana.asks(&load).await.unwrap_err(), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn history_comes_in_pages_of_fifty_from_either_end() {
    let server = TestServer::start().await;
    // One alone would run into the limit on requests.
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut ids = Vec::new();
    for number in 0..120 {
        ids.push(ben.posts(&number.to_string()).await.id);
    }
    assert!(ids.is_sorted());

    let (latest, more) = ana.reads(Cursor::Latest).await;
    assert!(more);
    assert_eq!(latest.iter().map(|message| message.id).collect::<Vec<_>>(), ids[70..]);
    let (middle, more) = ana.reads(Cursor::Before(latest[0].id)).await;
    assert!(more);
    assert_eq!(middle.iter().map(|message| message.id).collect::<Vec<_>>(), ids[20..70]);
    let (oldest, more) = ana.reads(Cursor::Before(middle[0].id)).await;
    assert!(!more, "there is nothing before the first");
    assert_eq!(oldest.iter().map(|message| message.id).collect::<Vec<_>>(), ids[..20]);

    let (after, more) = ana.reads(Cursor::After(ids[100])).await;
    assert!(!more);
    assert_eq!(after.iter().map(|message| message.id).collect::<Vec<_>>(), ids[101..]);
    let (after, more) = ana.reads(Cursor::After(ids[0])).await;
    assert!(more);
    assert_eq!(after.iter().map(|message| message.id).collect::<Vec<_>>(), ids[1..51]);

    // A place is found by its number, also when what stood there was deleted.
    ben.deletes(ids[79]).await.unwrap();
    for (number, expected, further) in
        [(80, &ids[79..], false), (1, &ids[..50], true), (-7, &ids[..50], true), (120, &ids[119..], false)]
    {
        let (from, more) = ana.reads(Cursor::From(number.into())).await;
        assert_eq!(from.iter().map(|message| message.id).collect::<Vec<_>>(), expected, "from {number}");
        assert_eq!(more, further, "from {number}");
    }
    for beyond in [121, i64::MAX] {
        assert_eq!(ana.reads(Cursor::From(beyond.into())).await, (Vec::new(), false));
    }
}

#[tokio::test]
async fn what_was_written_outlives_a_restart() {
    let mut server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    ana.posts("remember me").await;
    server.restart().await;
    let (resumed, _) = ana.comes_back().await;
    assert!(!resumed, "a new process knows no connections");
    assert_eq!(ana.sees_history().await, ["remember me"]);
}

#[tokio::test]
async fn many_who_write_at_once_all_get_through_in_one_order() {
    let server = TestServer::start().await;
    let mut users = Vec::new();
    for number in 0..8 {
        users.push(server.user(&format!("user{number}")).await);
    }
    let mut writers = Vec::new();
    for (number, mut user) in users.into_iter().enumerate() {
        writers.push(tokio::spawn(async move {
            for line in 0..20 {
                user.posts(&format!("{number}-{line}")).await;
            }
            user
        }));
    }
    let mut users = Vec::new();
    for writer in writers {
        users.push(writer.await.unwrap());
    }
    let mut orders = Vec::new();
    for user in &mut users {
        let mut heard = Vec::new();
        while heard.len() < 160 {
            let posted = |event: &ServerEvent| match event {
                ServerEvent::MessagePosted { message } => Some(message.id),
                _ => None,
            };
            heard.push(user.waits_for(posted).await);
        }
        // Pages put them in order by id; who committed first is not always published first.
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), 160, "somebody heard one twice");
        orders.push(heard);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn an_author_writes_a_message_anew_and_everybody_sees_it() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let posted = ana.posts("helo").await;
    assert_eq!(posted.state, MessageState::Posted);
    let edited = ana.edits(posted.id, "  hello\r\nthere ").await.unwrap();
    assert_eq!(edited.body, "hello\nthere");
    assert!(matches!(edited.state, MessageState::Edited { at } if at >= posted.posted_at));
    assert_eq!((edited.id, edited.number, edited.posted_at), (posted.id, posted.number, posted.posted_at));
    let seen = ben
        .waits_for(|event| match event {
            ServerEvent::MessageEdited { message } => Some(message.clone()),
            _ => None,
        })
        .await;
    assert_eq!(seen, edited);
    assert_eq!(ben.reads(Cursor::Latest).await.0, std::slice::from_ref(&edited));
    // The same text again changes nothing, and a blind retry of the post gets what is there now.
    assert_eq!(ana.edits(posted.id, "hello\nthere").await.unwrap(), edited);
    assert_eq!(ana.posts_with_nonce("helo", &posted.nonce).await.unwrap(), edited);
}

#[tokio::test]
async fn nobody_edits_what_is_not_theirs_or_into_nothing() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let posted = ben.posts("mine").await;
    assert_eq!(ana.edits(posted.id, "hers").await.unwrap_err(), ErrorCode::NotAllowed, "not even an admin");
    assert_eq!(ben.edits(posted.id, " \u{200b} ").await.unwrap_err(), ErrorCode::EmptyMessage);
    assert_eq!(ben.edits(posted.id, &"x".repeat(4001)).await.unwrap_err(), ErrorCode::MessageTooLong);
    let nowhere = IdSource::default().next(cromulent::clock::Clock::System.now());
    assert_eq!(ben.edits(nowhere, "x").await.unwrap_err(), ErrorCode::NotFound);
    assert_eq!(ben.sees_history().await, ["mine"]);
}

#[tokio::test]
async fn who_wrote_it_or_runs_the_place_deletes_a_message_and_its_place_stays() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cleo]) = ana_the_admin_and(&server, ["ben", "cleo"]).await;
    let first = ben.posts("first").await;
    let second = ben.posts("second").await;
    let third = ana.posts("third").await;
    assert_eq!(cleo.deletes(first.id).await.unwrap_err(), ErrorCode::NotAllowed);
    assert_eq!(ben.deletes(third.id).await.unwrap_err(), ErrorCode::NotAllowed);
    ben.deletes(first.id).await.unwrap();
    ana.deletes(second.id).await.unwrap();
    ana.deletes(second.id).await.unwrap();
    for gone in [first.id, second.id] {
        let deleted = |event: &ServerEvent| match event {
            ServerEvent::MessageDeleted { message, .. } => Some(*message),
            _ => None,
        };
        assert_eq!(cleo.waits_for(deleted).await, gone);
    }
    let (page, _) = cleo.reads(Cursor::Latest).await;
    let seen: Vec<_> =
        page.iter().map(|message| (message.id, message.body.as_str(), message.state)).collect();
    assert_eq!(
        seen,
        [
            (first.id, "", MessageState::Deleted),
            (second.id, "", MessageState::Deleted),
            (third.id, "third", MessageState::Posted)
        ]
    );
    assert_eq!(ben.edits(first.id, "back").await.unwrap_err(), ErrorCode::NotFound);
    // A blind retry of the post does not bring it back.
    let retried = ben.posts_with_nonce("first", &first.nonce).await.unwrap();
    assert_eq!((retried.id, retried.state), (first.id, MessageState::Deleted));
    assert_eq!(cleo.reads(Cursor::Latest).await.0.len(), 3);
    let nowhere = IdSource::default().next(cromulent::clock::Clock::System.now());
    assert_eq!(ana.deletes(nowhere).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn what_was_deleted_is_nowhere_on_the_disk() {
    if postgres::server().is_some() {
        // There it is the server's to say when the place of old rows is used again.
        return;
    }
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let secrets = ["the-first-version-of-a-secret", "the-second-version-of-a-secret"];
    let posted = ana.posts(&format!("{} @ana", secrets[0])).await;
    ana.edits(posted.id, secrets[1]).await.unwrap();
    ana.posts("harmless").await;
    ana.deletes(posted.id).await.unwrap();
    let folder = server.stop().await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        files += usize::from(has("harmless"));
        assert!(!secrets.iter().any(|secret| has(secret)), "a secret is left");
    }
    assert_eq!(files, 1, "the search finds what is there");
}

#[tokio::test]
async fn a_message_is_text_that_somebody_can_see() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    for blank in ["\u{200b}", "\0", "\u{202e}\u{2066}", "\u{3164}\n"] {
        assert_eq!(
            ana.posts_with_nonce(blank, "blank").await.unwrap_err(),
            ErrorCode::EmptyMessage,
            "{blank:?}"
        );
    }
    assert_eq!(ana.posts("a\0b\u{1b}[0m\r\n\tc").await.body, "ab[0m\n\tc");
    let flags = "\u{1f1e9}\u{1f1ea}".repeat(2_000);
    assert_eq!(ana.posts(&flags).await.body, flags);
    assert_eq!(
        ana.posts_with_nonce(&format!("{flags}!"), "long").await.unwrap_err(),
        ErrorCode::MessageTooLong
    );
}

#[tokio::test]
async fn messages_of_a_channel_are_numbered_without_gaps() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(i64::from(ana.posts("a").await.number));
        ben.posts_with_nonce(" ", "refused").await.unwrap_err();
        let posted = ben.posts("b").await;
        ben.deletes(posted.id).await.unwrap();
        numbers.push(i64::from(posted.number));
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}
