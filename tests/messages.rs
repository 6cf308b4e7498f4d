use cromulent::id::{ChannelId, IdSource};
use cromulent::protocol::client::{Cursor, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;

use crate::support::TestServer;

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
}

#[tokio::test]
async fn a_character_that_no_database_keeps_becomes_one_that_all_keep() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    assert_eq!(ana.posts("a\0b").await.body, "a\u{fffd}b");
    ben.hears_that("a\u{fffd}b").await;
    assert_eq!(ben.sees_history().await, ["a\u{fffd}b"]);
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
