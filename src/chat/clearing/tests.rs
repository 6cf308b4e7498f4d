//! Stories of deleting what is much: gone for people at once, and from the disk bit by bit.

use std::sync::Arc;

use super::*;
use crate::chat::access::Act;
use crate::chat::channels::settings::{Name, Settings};
use crate::chat::messages::{Body, Draft, Nonce};
use crate::clock::Clock;
use crate::db::{Address, Db};
use crate::protocol::types::ChannelKind;

/// An admin, a member, and a channel called Attic in which much was written.
struct House {
    _folder: tempfile::TempDir,
    db: Db,
    chat: Chat,
    admin: UserId,
    member: UserId,
    attic: ChannelId,
}

async fn open(db: &Db) -> Chat {
    let rules = crate::chat::tests::rules();
    Chat::new(db.clone(), Arc::default(), Clock::System, rules, None).await.unwrap()
}

impl House {
    /// With so many messages in the attic, each of which means the member; the first is told to many more.
    async fn with(messages: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Address::File(folder.path().join("test.db"))).await.unwrap();
        let chat = open(&db).await;
        chat.make_first_channels().await.unwrap();
        let [admin, member]: [UserId; 2] = [chat.next_id(), chat.next_id()];
        let mut tx = db.begin().await.unwrap();
        for (user, name, role) in [(admin, "ana", "admin"), (member, "ben", "member")] {
            sql("insert into users (id, username, username_folded, role, created_at) values ($1, $2, $2, $3, 0)")
                .bind(user)
                .bind(name)
                .bind(role)
                .execute(&mut tx)
                .await
                .unwrap();
        }
        sql("insert into memberships (user_id, channel_id, joined_at) select u.id, c.id, 0 from users u, channels c")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let attic = attic(&chat, admin).await;
        let mut tx = db.begin().await.unwrap();
        for number in 1..=messages {
            let message: Uuid = chat.next_id();
            sql("insert into messages (id, channel_id, author_id, body, nonce, posted_at, number)
                 values ($1, $2, $3, 'x', $4, 0, $5)")
            .bind(message)
            .bind(attic)
            .bind(admin)
            .bind(number.to_string())
            .bind(number)
            .execute(&mut tx)
            .await
            .unwrap();
            for text in [
                "insert into mentions (channel_id, message_id, kind, target) values ($1, $2, 'user', $3)",
                "insert into notifications (message_id, user_id, channel_id, kind, target)
                 values ($2, $3, $1, 'user', $3)",
            ] {
                sql(text).bind(attic).bind(message).bind(member).execute(&mut tx).await.unwrap();
            }
            if number == 1 {
                sql("insert into users (id, username, username_folded, role, created_at)
                     with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
                     select randomblob(16), 'u' || i, 'u' || i, 'member', 0 from n")
                .bind(3 * NOTIFICATIONS)
                .execute(&mut tx)
                .await
                .unwrap();
                sql("insert into notifications (message_id, user_id, channel_id, kind, target)
                     select $1, id, $2, 'everyone', $1 from users where username_folded like 'u%'")
                .bind(message)
                .bind(attic)
                .execute(&mut tx)
                .await
                .unwrap();
            }
        }
        tx.commit().await.unwrap();
        Self { _folder: folder, db, chat, admin, member, attic }
    }

    async fn count(&self, statement: &'static str) -> i64 {
        sql(statement).one(&mut self.db.begin().await.unwrap()).await.unwrap().integer("n").unwrap()
    }

    /// Rows that the writing connection changed so far, those of cascades too.
    async fn written(&self) -> i64 {
        self.count("select total_changes() as n").await
    }

    async fn messages(&self) -> i64 {
        self.count("select count(*) as n from messages where body = 'x'").await
    }

    /// Batches until nothing is left; each is bounded, and in between others write.
    async fn clears(&self) -> usize {
        let general = self.count_general().await;
        let mut batches = 0;
        loop {
            let before = self.written().await;
            if !self.chat.clear_once().await.unwrap() {
                return batches;
            }
            let written = self.written().await - before;
            // A message, its mention and, of those without, its notification; and the row that says what is left.
            assert!(written <= 2 * MESSAGES + NOTIFICATIONS + 2, "{written} rows in one transaction");
            batches += 1;
            let draft = Draft {
                channel: general,
                body: Body::parse("still here").unwrap(),
                nonce: Nonce::parse(format!("in between {batches}")).unwrap(),
            };
            self.chat.post_message(self.admin, draft).await.unwrap();
        }
    }

    async fn count_general(&self) -> ChannelId {
        let mut read = self.db.read().await.unwrap();
        sql("select id from channels where kind = 'text' and slug = 'general'")
            .one(&mut read)
            .await
            .unwrap()
            .id("id")
            .unwrap()
    }
}

async fn attic(chat: &Chat, admin: UserId) -> ChannelId {
    let name = Name::parse("Attic").unwrap();
    chat.create_channel(admin, name, ChannelKind::Text, Settings::default(), |_| ()).await.unwrap().id
}

#[tokio::test]
async fn a_channel_with_much_in_it_is_gone_at_once_and_its_rows_bit_by_bit() {
    let mut house = House::with(3 * MESSAGES).await;
    let before = house.written().await;
    house.chat.delete_channel(house.admin, house.attic, || ()).await.unwrap();
    let written = house.written().await - before;
    assert!(written <= NOTIFICATIONS + MESSAGES, "{written} rows in the deletion itself");
    assert!(house.messages().await > 0, "the deletion deleted all at once");

    // Nobody sees it, writes in it or is in it, and its name is free.
    for act in [Act::Read, Act::Write, Act::Join, Act::Administer] {
        let refused = house.chat.allows(house.admin, house.attic, act).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{act:?}");
    }
    assert!(house.chat.browse_channels(house.admin).await.unwrap().is_empty());
    assert_eq!(house.chat.inbox(house.member, None, false).await.unwrap().0.len(), 0);
    let (_, standing) = house.chat.standing(house.member).await.unwrap();
    assert!(standing.unread.is_empty() && standing.readings.iter().all(|one| one.channel != house.attic));
    let second = attic(&house.chat, house.admin).await;

    // A crash in the middle.
    assert!(house.chat.clear_once().await.unwrap());
    house.chat = open(&house.db).await;
    assert!(house.clears().await > 4, "it went in too few batches");
    assert_eq!(house.messages().await, 0);
    for statement in [
        "select count(*) as n from notifications",
        "select count(*) as n from mentions",
        "select count(*) as n from clearings",
        "select count(*) as n from channels where kind = 'deleted'",
    ] {
        assert_eq!(house.count(statement).await, 0, "{statement}");
    }
    house.chat.allows(house.admin, second, Act::Write).await.unwrap();
}

#[tokio::test]
async fn a_channel_with_little_in_it_is_gone_with_its_deletion() {
    let house = House::with(0).await;
    house.chat.delete_channel(house.admin, house.attic, || ()).await.unwrap();
    assert!(!house.chat.clear_once().await.unwrap());
    assert_eq!(house.count("select count(*) as n from channels where slug like '%attic%'").await, 0);
}

#[tokio::test]
async fn what_an_account_was_told_goes_bit_by_bit_too() {
    let house = House::with(2 * NOTIFICATIONS + 1).await;
    let of_member = "select count(*) as n from notifications where kind = 'user'";
    let mut tx = house.db.begin().await.unwrap();
    let left = Left::Account(house.member);
    assert!(!left.step(&mut tx).await.unwrap());
    left.keep(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(house.count(of_member).await, NOTIFICATIONS + 1);
    assert_eq!(house.clears().await, 2);
    assert_eq!(house.count(of_member).await, 0);
    assert!(house.messages().await > 0, "what others wrote stays");
}
