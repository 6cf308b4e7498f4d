//! Stories about the inbox: what is in it, on every device, until it was seen.

use std::time::{Duration, Instant};

use cromulent::chat::notifications::KEPT_FOR;
use cromulent::clock::{Clock, Timestamp};
use cromulent::id::MessageId;
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Involvement, Notification};

use crate::support::{PATIENCE, TestServer, TestUser};

impl TestUser {
    async fn opens_the_inbox(&mut self, before: Option<MessageId>) -> (Vec<Notification>, bool) {
        self.looks_into_the_inbox(before, false).await
    }

    async fn looks_into_the_inbox(
        &mut self,
        before: Option<MessageId>,
        unread: bool,
    ) -> (Vec<Notification>, bool) {
        match self.asks(&Request::LoadNotifications { before, unread }).await.unwrap() {
            Answer::Notifications { notifications, more } => (notifications, more),
            other => panic!("{other:?}"),
        }
    }

    /// As somebody who signs in now would see it.
    async fn has_unread(&self) -> Vec<MessageId> {
        let snapshot = self.elsewhere().await.snapshot;
        snapshot.standing.unread.iter().map(|unread| unread.message).collect()
    }
}

#[tokio::test]
async fn the_inbox_has_the_newest_first_in_pages_and_says_where_to_go() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut posted = Vec::new();
    for number in 0..45 {
        posted.push(ana.posts(&format!("@ben {number} {}", "long ".repeat(40))).await);
    }
    posted.reverse();
    let (first, more) = ben.opens_the_inbox(None).await;
    assert!(more && first.len() == 20);
    let (second, more) = ben.opens_the_inbox(Some(first[19].message)).await;
    assert!(more && second.len() == 20);
    let (third, more) = ben.opens_the_inbox(Some(second[19].message)).await;
    assert!(!more && third.len() == 5);
    let all: Vec<Notification> = [first, second, third].concat();
    for (notification, message) in all.iter().zip(&posted) {
        assert_eq!((notification.message, notification.channel), (message.id, message.channel));
        assert_eq!((notification.author, notification.posted_at), (message.author, message.posted_at));
        assert_eq!(notification.excerpt, message.body.chars().take(100).collect::<String>());
        assert!(!notification.read);
    }
    assert_eq!(ben.has_unread().await, posted.iter().map(|message| message.id).collect::<Vec<_>>());
    assert!(ana.opens_the_inbox(None).await.0.is_empty());
}

#[tokio::test]
async fn what_is_seen_on_one_device_is_seen_on_all() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut bens_phone = ben.elsewhere().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(ana.posts(&format!("@ben {number}")).await.id);
    }
    ben.asks(&Request::MarkNotification { message: ids[1] }).await.unwrap();
    let seen = bens_phone
        .waits_for(|event| match event {
            ServerEvent::NotificationRead { message } => Some(*message),
            _ => None,
        })
        .await;
    assert_eq!(seen, ids[1]);
    assert_eq!(ben.has_unread().await, [ids[3], ids[2], ids[0]]);
    let (inbox, _) = ben.opens_the_inbox(None).await;
    assert_eq!(inbox.iter().map(|one| one.read).collect::<Vec<_>>(), [false, false, true, false]);

    // What arrives after one looked is not seen by it.
    bens_phone.asks(&Request::MarkInbox { up_to: ids[2] }).await.unwrap();
    let up_to = ben
        .waits_for(|event| match event {
            ServerEvent::InboxRead { up_to } => Some(*up_to),
            _ => None,
        })
        .await;
    assert_eq!(up_to, ids[2]);
    assert_eq!(ben.has_unread().await, [ids[3]]);
    // Somebody else's notifications are nobody's business.
    ana.asks(&Request::MarkNotification { message: ids[3] }).await.unwrap();
    assert_eq!(ben.has_unread().await, [ids[3]]);
}

#[tokio::test]
async fn a_snapshot_names_a_hundred_unseen_and_says_that_there_are_more() {
    let server = TestServer::start().await;
    let [mut ana, mut cleo, ben] = server.users(["ana", "cleo", "ben"]).await;
    for _ in 0..51 {
        ana.posts("@ben").await;
        cleo.posts("@ben").await;
    }
    let standing = ben.elsewhere().await.snapshot.standing;
    assert_eq!((standing.unread.len(), standing.more_unread), (100, true));
}

#[tokio::test]
async fn what_is_deleted_or_rewritten_leaves_the_inbox() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let gone = ana.posts("@ben a secret").await;
    let other = ana.posts("@ben another").await;
    let stays = ana.posts("@ben old words").await;
    ana.deletes(gone.id).await.unwrap();
    ana.edits(other.id, "nobody").await.unwrap();
    ana.edits(stays.id, "@ben new words").await.unwrap();
    let (inbox, _) = ben.opens_the_inbox(None).await;
    assert_eq!(inbox.iter().map(|one| one.excerpt.as_str()).collect::<Vec<_>>(), ["@ben new words"]);
    assert_eq!(ben.has_unread().await, [stays.id]);
}

#[tokio::test]
async fn who_wants_to_hear_nothing_of_a_channel_hears_nothing() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut bens_phone = ben.elsewhere().await;
    let channel = ben.general();
    for involvement in [Involvement::Everything, Involvement::Nothing] {
        ben.asks(&Request::SetInvolvement { channel, involvement }).await.unwrap();
        let changed = bens_phone
            .waits_for(|event| match event {
                ServerEvent::ReadingChanged { reading, .. } => Some(reading.involvement),
                _ => None,
            })
            .await;
        assert_eq!(changed, involvement);
        assert_eq!(ben.elsewhere().await.snapshot.standing.readings[0].involvement, involvement);
    }
    ana.posts("@ben @everyone").await;
    ben.hears_that("@ben @everyone").await;
    ben.asks(&Request::SetInvolvement { channel, involvement: Involvement::Mentions }).await.unwrap();
    let heard = ana.posts("@ben").await;
    assert_eq!(ben.is_notified().await.message, heard.id);
    assert_eq!(ben.has_unread().await, [heard.id]);
    let lounge = Request::SetInvolvement { channel: ben.lounge(), involvement: Involvement::Nothing };
    assert_eq!(ben.asks(&lounge).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn what_was_not_seen_is_found_in_pages_of_its_own() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut unseen = Vec::new();
    for number in 0..50 {
        let posted = ana.posts(&format!("@ben {number}")).await;
        if number % 2 == 0 {
            unseen.push(posted.id);
        } else {
            ben.asks(&Request::MarkNotification { message: posted.id }).await.unwrap();
        }
    }
    unseen.reverse();
    let (first, more) = ben.looks_into_the_inbox(None, true).await;
    assert!(more && first.len() == 20);
    let (second, more) = ben.looks_into_the_inbox(Some(first[19].message), true).await;
    assert!(!more);
    let all: Vec<Notification> = [first, second].concat();
    assert_eq!(all.iter().map(|one| one.message).collect::<Vec<_>>(), unseen);
    assert!(all.iter().all(|one| !one.read));
    ben.asks(&Request::MarkInbox { up_to: unseen[0] }).await.unwrap();
    assert!(ben.looks_into_the_inbox(None, true).await.0.is_empty());
    assert_eq!(ben.opens_the_inbox(None).await.0.len(), 20, "what was seen is still there");
}

#[tokio::test]
async fn what_was_seen_is_forgotten_after_ninety_days_and_what_was_not_is_kept() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let mut server = TestServer::at(clock.clone(), |settings| settings.session_days = 365).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    ana.posts("@ben seen long ago").await;
    let seen = ana.posts("@ben seen long ago too").await.id;
    let unseen = ana.posts("@ben never seen").await.id;
    ben.asks(&Request::MarkInbox { up_to: seen }).await.unwrap();
    clock.advance(KEPT_FOR - DAY);
    let lately = ana.posts("@ben seen lately").await.id;
    ben.asks(&Request::MarkNotification { message: lately }).await.unwrap();
    clock.advance(2 * DAY);
    server.restart().await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    let started = Instant::now();
    loop {
        let (inbox, _) = ben.opens_the_inbox(None).await;
        let found: Vec<(MessageId, bool)> = inbox.iter().map(|one| (one.message, one.read)).collect();
        if found == [(lately, true), (unseen, false)] {
            break;
        }
        assert_eq!(found.len(), 4, "something else is gone");
        assert!(started.elapsed() < PATIENCE, "nothing is forgotten");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ben.has_unread().await, [unseen]);
    assert_eq!(ben.sees_history().await.len(), 4, "the messages stay");
}
