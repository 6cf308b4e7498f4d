//! Stories about reading: how far everybody is, on every device, and what is unread.

use cromulent::id::MessageId;
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::Reading;

use crate::support::{TestServer, TestUser};

impl TestUser {
    async fn reads_up_to(&mut self, message: MessageId) -> Result<(), ErrorCode> {
        let channel = self.general();
        self.asks(&Request::MarkRead { channel, message }).await.map(drop)
    }

    async fn sees_reading(&mut self) -> (Reading, Option<MessageId>) {
        self.waits_for(|event| match event {
            ServerEvent::ReadingChanged { reading, up_to } => Some((*reading, *up_to)),
            _ => None,
        })
        .await
    }

    /// Messages and mentions that are new to somebody who signs in now.
    async fn has_unread_in_general(&self) -> (i64, usize) {
        let standing = self.elsewhere().await.snapshot.standing;
        let general = self.general();
        let reading = standing.readings.iter().find(|reading| reading.channel == general).unwrap();
        let mentions = standing.unread.iter().filter(|unread| unread.channel == general).count();
        (i64::from(reading.newest) - i64::from(reading.read), mentions)
    }
}

#[tokio::test]
async fn reading_on_one_device_is_reading_on_all() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut bens_phone = ben.elsewhere().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(ana.posts(&format!("@ben {number}")).await.id);
    }
    assert_eq!(ben.has_unread_in_general().await, (5, 5));
    ben.reads_up_to(ids[2]).await.unwrap();
    let (reading, up_to) = bens_phone.sees_reading().await;
    assert_eq!((i64::from(reading.read), i64::from(reading.newest), up_to), (3, 5, Some(ids[2])));
    assert_eq!(ben.has_unread_in_general().await, (2, 2), "the notifications up to there are seen too");
    assert_eq!(ana.has_unread_in_general().await, (0, 0), "who writes has read");
}

#[tokio::test]
async fn a_mark_never_moves_back() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(ana.posts(&format!("{number}")).await.id);
    }
    ben.reads_up_to(ids[2]).await.unwrap();
    ben.sees_reading().await;
    ben.reads_up_to(ids[0]).await.unwrap();
    ben.reads_up_to(ids[2]).await.unwrap();
    ana.posts("end").await;
    let told = ben.hears_until("end").await;
    assert!(!told.iter().any(|event| matches!(event, ServerEvent::ReadingChanged { .. })), "{told:?}");
    assert_eq!(ben.has_unread_in_general().await, (1, 0));
}

#[tokio::test]
async fn many_devices_that_read_at_once_end_at_the_newest() {
    let server = TestServer::start().await;
    let [mut ana, ben] = server.users(["ana", "ben"]).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(ana.posts(&format!("{number}")).await.id);
    }
    let mut devices = Vec::new();
    for shift in 0..5 {
        let (mut device, ids) = (ben.elsewhere().await, ids.clone());
        devices.push(tokio::spawn(async move {
            for step in 0..20 {
                device.reads_up_to(ids[(step * 7 + shift * 3) % 20]).await.unwrap();
            }
        }));
    }
    for device in devices {
        device.await.unwrap();
    }
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
}

#[tokio::test]
async fn deleting_what_was_read_last_makes_nothing_unread_again() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut last = ana.posts("0").await.id;
    for number in 1..5 {
        last = ana.posts(&format!("{number}")).await.id;
    }
    ben.reads_up_to(last).await.unwrap();
    ana.deletes(last).await.unwrap();
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
    let next = ana.posts("next").await.id;
    assert_eq!(ben.has_unread_in_general().await, (1, 0));
    ana.deletes(next).await.unwrap();
    // Its place is there, and can be read like any other.
    ben.reads_up_to(next).await.unwrap();
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
}

#[tokio::test]
async fn who_writes_has_read_what_stood_there() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    ana.posts("@ben?").await;
    assert_eq!(ben.has_unread_in_general().await, (1, 1));
    ben.posts("yes").await;
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
}

#[tokio::test]
async fn a_mention_that_comes_by_edit_is_new_although_the_message_was_read() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let old = ana.posts("old").await.id;
    let last = ana.posts("last").await.id;
    ben.reads_up_to(last).await.unwrap();
    ana.edits(old, "old, @ben").await.unwrap();
    assert_eq!(ben.has_unread_in_general().await, (0, 1));
    ben.reads_up_to(last).await.unwrap();
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
}

#[tokio::test]
async fn a_newcomer_has_nothing_to_catch_up_with() {
    let mut server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    for number in 0..3 {
        ana.posts(&format!("{number}")).await;
    }
    let ben = server.user("ben").await;
    assert_eq!(ben.has_unread_in_general().await, (0, 0));
    ana.posts("welcome @ben").await;
    server.restart().await;
    let ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.has_unread_in_general().await, (1, 1), "it is remembered");
}

#[tokio::test]
async fn only_messages_of_the_channel_are_marks_in_it() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let posted = ana.posts("hi").await.id;
    let elsewhere = Request::MarkRead { channel: ana.lounge(), message: posted };
    assert_eq!(ana.asks(&elsewhere).await.unwrap_err(), ErrorCode::NotFound);
    let nothing = MessageId::from(uuid::Uuid::nil());
    assert_eq!(ana.reads_up_to(nothing).await.unwrap_err(), ErrorCode::NotFound);
}
