//! Stories about mentions: whom a message means, and who hears of it.

use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::{ChannelKind, Mention};

use crate::support::channels::{OPEN, PRIVATE, ana_the_admin_and};
use crate::support::{TestServer, TestUser};

/// What a user is told of notifications until a message arrives.
async fn told_until(user: &mut TestUser, body: &str) -> Vec<String> {
    let events = user.hears_until(body).await;
    let told = events.iter().filter_map(|event| match event {
        ServerEvent::Notified { notification } => Some(format!("+{}", notification.excerpt)),
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
    assert_eq!(notification.excerpt, posted.body);
    assert!(!notification.read);
    ana.posts("end").await;
    assert!(told_until(&mut cleo, "end").await.is_empty());
    assert!(told_until(&mut ana, "end").await.is_empty());
    assert_eq!(cleo.reads(cromulent::protocol::client::Cursor::Latest).await.0[0], posted);
}

#[tokio::test]
async fn everyone_is_everyone_but_oneself_and_here_is_who_is_online() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, cleo]) = ana_the_admin_and(&server, ["ben", "cleo"]).await;
    let cleos_id = ana.id_of("cleo");
    ben.sees(|view| view.online.contains(&cleos_id)).await;
    cleo.socket.close(1001).await.unwrap();
    ben.sees(|view| !view.online.contains(&cleos_id)).await;
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
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
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
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    ben.posts("@everyone").await;
    assert_eq!(ben.posts_with_nonce("@here", "again").await.unwrap_err(), ErrorCode::BroadcastTooSoon);
    // The same mark may be used for the text without it.
    let posted = ben.posts_with_nonce("here", "again").await.unwrap();
    assert_eq!(posted.body, "here");
    for _ in 0..2 {
        ana.posts("@everyone").await;
    }
}

#[tokio::test]
async fn a_private_channel_means_nobody_who_is_not_in_it() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    ana.adds(den, ana.id_of("ben")).await;
    let group = Request::CreateGroup { name: "Devs".to_owned(), color: None };
    let devs = match ana.asks(&group).await.unwrap() {
        cromulent::protocol::server::Answer::GroupChanged { group } => group.id,
        other => panic!("{other:?}"),
    };
    for name in ["ben", "cai"] {
        let (user, member) = (ana.id_of(name), true);
        ana.asks(&Request::SetGroupMember { group: devs, user, member }).await.unwrap();
    }
    for (text, mention) in [
        ("@here", Mention::Here),
        ("@everyone", Mention::Everyone),
        ("@devs", Mention::Group { group: devs }),
        ("@ben", Mention::User { user: ana.id_of("ben") }),
    ] {
        assert_eq!(ana.writes(den, &format!("{text} and @cai")).await.mentions, [mention]);
        assert_eq!(ben.is_notified().await.mention, mention);
    }
    ana.posts("end").await;
    assert!(told_until(&mut cai, "end").await.is_empty());
    // Nor is there anything to find when they come in later.
    ana.adds(den, ana.id_of("cai")).await;
    let standing = cai.elsewhere().await.snapshot.standing;
    assert!(standing.unread.is_empty());
    let reading = standing.readings.iter().find(|reading| reading.channel == den).unwrap();
    assert_eq!(reading.read, reading.newest, "what was written before is not new to them");
}

#[tokio::test]
async fn who_leaves_a_channel_takes_no_mention_along_and_finds_none_on_coming_back() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let club = ana.makes("Club", ChannelKind::Text, vec![OPEN]).await.id;
    ben.joins(club).await;
    let posted = ana.writes(club, "@ben").await;
    let stays = ana.posts("@ben here too").await;
    let unread = |user: TestUser| -> Vec<_> {
        user.snapshot.standing.unread.iter().map(|unread| unread.message).collect()
    };
    assert_eq!(unread(ben.elsewhere().await), [stays.id, posted.id]);
    ben.leaves(club).await;
    let away = ben.elsewhere().await;
    assert!(away.snapshot.standing.readings.iter().all(|reading| reading.channel != club));
    assert_eq!(unread(away), [stays.id]);
    // What becomes of the message meanwhile is no affair of theirs.
    ana.edits(posted.id, "@ben!").await.unwrap();
    ana.edits(posted.id, "nobody").await.unwrap();
    ana.posts("end").await;
    assert_eq!(told_until(&mut ben, "end").await, ["+@ben", "+@ben here too"]);
    ben.joins(club).await;
    assert_eq!(unread(ben.elsewhere().await), [stays.id]);
    ana.asks(&Request::DeleteChannel { channel: club }).await.unwrap();
    assert_eq!(unread(ben.elsewhere().await), [stays.id]);
}
