//! Stories about mentions: whom a message means, and who hears of it.

use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::Mention;

use crate::support::{TestServer, TestUser, admin_and};

/// What a user is told of notifications until a message arrives.
async fn told_until(user: &mut TestUser, body: &str) -> Vec<String> {
    let events = user.hears_until(body).await;
    let told = events.iter().filter_map(|event| match event {
        ServerEvent::Notified { notification } => Some(format!("+{}", notification.preview)),
        ServerEvent::NotificationWithdrawn { .. } => Some("-".to_owned()),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn who_is_mentioned_is_told_and_nobody_else_is() {
    let server = TestServer::start().await;
    let [mut ana, mut ben, mut cleo] = server.users(["ana", "Ben-2", "cleo"]).await;
    let posted = ana.posts("hello @BEN-2, and nobody@ana or `@cleo`").await;
    assert_eq!(posted.mentions, [Mention::User { user: ana.id_of("Ben-2") }]);
    let notification = ben.is_notified().await;
    assert_eq!((notification.message, notification.channel), (posted.id, posted.channel));
    assert_eq!((notification.author, notification.mention), (posted.author, posted.mentions[0]));
    assert_eq!(notification.preview, posted.body);
    assert!(!notification.read);
    ana.posts("end").await;
    assert!(told_until(&mut cleo, "end").await.is_empty());
    assert!(told_until(&mut ana, "end").await.is_empty());
    assert_eq!(cleo.reads(cromulent::protocol::client::Cursor::Latest).await.0[0], posted);
}

#[tokio::test]
async fn everyone_is_everyone_but_oneself_and_here_is_who_is_online() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, cleo]) = admin_and(&server, "ana", ["ben", "cleo"]).await;
    cleo.socket.close(1001).await.unwrap();
    ben.waits_for(|event| {
        use cromulent::protocol::types::Presence::Offline;
        matches!(event, ServerEvent::PresenceChanged { presence: Offline, .. }).then_some(())
    })
    .await;
    ana.posts("@here now").await;
    assert_eq!(ben.is_notified().await.mention, Mention::Here);
    ana.posts("@everyone and @all").await;
    assert_eq!(ben.is_notified().await.mention, Mention::Everyone);
    ana.posts("end").await;
    assert!(told_until(&mut ana, "end").await.is_empty());
    let cleo = TestUser::connect(&server, "cleo", cleo.cookie).await;
    assert_eq!(cleo.snapshot.standing.unread.len(), 1, "who was away is told of everyone, not of here");
}

#[tokio::test]
async fn one_message_is_one_notification_by_the_narrowest_mention() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = admin_and(&server, "ana", ["ben"]).await;
    ana.posts("@here @everyone @ben @BEN").await;
    assert_eq!(ben.is_notified().await.mention, Mention::User { user: ben.id_of("ben") });
    ana.posts("end").await;
    assert!(told_until(&mut ben, "end").await.is_empty());
}

#[tokio::test]
async fn editing_tells_whom_it_means_now_and_takes_back_from_whom_it_does_not() {
    let server = TestServer::start().await;
    let [mut ana, mut ben, mut cleo] = server.users(["ana", "ben", "cleo"]).await;
    let posted = ana.posts("for @ben").await;
    let edited = ana.edits(posted.id, "for @cleo").await.unwrap();
    assert_eq!(edited.mentions, [Mention::User { user: ana.id_of("cleo") }]);
    ana.edits(posted.id, "for @cleo!").await.unwrap();
    ana.posts("end").await;
    assert_eq!(told_until(&mut ben, "end").await, ["+for @ben", "-"]);
    assert_eq!(told_until(&mut cleo, "end").await, ["+for @cleo"], "once, not at every edit");

    ana.deletes(posted.id).await.unwrap();
    ana.posts("the end").await;
    assert_eq!(told_until(&mut cleo, "the end").await, ["-"]);
    assert!(cleo.elsewhere().await.snapshot.standing.unread.is_empty());
}

#[tokio::test]
async fn who_tells_everyone_twice_in_a_row_is_told_to_wait_and_loses_nothing() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = admin_and(&server, "ana", ["ben"]).await;
    ben.posts("@everyone").await;
    assert_eq!(ben.posts_with_nonce("@here", "again").await.unwrap_err(), ErrorCode::BroadcastTooSoon);
    // The same mark may be used for the text without it.
    let posted = ben.posts_with_nonce("here", "again").await.unwrap();
    assert_eq!(posted.body, "here");
    for _ in 0..2 {
        ana.posts("@everyone").await;
    }
}
