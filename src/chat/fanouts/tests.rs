//! Stories of messages that mean many: what is written at once, what later, and that it ends where the text says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::chat::messages::{Body, Draft, Nonce};
use crate::chat::{groups, notifications};
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::id::GroupId;
use crate::live::Live;
use crate::protocol::types::Role;

/// A server without doors: `members` people in one channel, the first of whom is an admin.
struct House {
    _folder: tempfile::TempDir,
    db: Db,
    live: Arc<Live>,
    clock: Clock,
    chat: Chat,
    channel: ChannelId,
    people: Vec<UserId>,
    devs: GroupId,
    posts: AtomicU32,
}

async fn open(db: &Db, live: &Arc<Live>, clock: &Clock) -> Chat {
    Chat::new(db.clone(), live.clone(), clock.clone(), crate::chat::tests::rules(), None).await.unwrap()
}

impl House {
    /// With a group `devs` of the second to the sixth.
    async fn of(members: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&crate::db::Address::File(folder.path().join("test.db"))).await.unwrap();
        let live = Arc::new(Live::default());
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        let chat = open(&db, &live, &clock).await;
        chat.make_first_channels().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let row = sql("select id from channels where kind = 'text'").one(&mut tx).await.unwrap();
        let channel = row.id("id").unwrap();
        let people: Vec<UserId> = (0..members).map(|_| chat.next_id()).collect();
        for (number, user) in people.iter().enumerate() {
            let role = if number == 0 { Role::Admin } else { Role::Member };
            sql("insert into users (id, username, username_folded, role, created_at) values ($1, $2, $2, $3, 0)")
                .bind(*user)
                .bind(format!("u{number}"))
                .bind(crate::chat::users::role_text(role))
                .execute(&mut tx)
                .await
                .unwrap();
        }
        sql("insert into memberships (user_id, channel_id, joined_at) select id, $1, 0 from users")
            .bind(channel)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let draft = groups::Draft::parse("Devs", None).unwrap();
        let devs = chat.create_group(people[0], draft).await.unwrap().id;
        for user in people.iter().skip(1).take(5) {
            chat.set_group_member(people[0], devs, *user, true).await.unwrap();
        }
        Self { _folder: folder, db, live, clock, chat, channel, people, devs, posts: AtomicU32::new(0) }
    }

    async fn posts(&self, author: usize, body: &str) -> Result<Message, Error> {
        let nonce = Nonce::parse(self.posts.fetch_add(1, Ordering::Relaxed).to_string()).unwrap();
        let draft = Draft { channel: self.channel, body: Body::parse(body).unwrap(), nonce };
        self.chat.post_message(self.people[author], draft).await
    }

    async fn edits(&self, message: &Message, body: &str) -> Message {
        self.chat.edit_message(message.author, message.id, Body::parse(body).unwrap()).await.unwrap()
    }

    async fn leaves(&self, user: usize) {
        let mut tx = self.db.begin().await.unwrap();
        sql("delete from memberships where user_id = $1")
            .bind(self.people[user])
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Batches until there is nothing left to do.
    async fn works_off(&self) -> usize {
        let mut batches = 0;
        while self.chat.fan_out_once().await.unwrap() {
            batches += 1;
        }
        batches
    }

    async fn count(&self, statement: &'static str) -> i64 {
        sql(statement).one(&mut self.db.begin().await.unwrap()).await.unwrap().integer("n").unwrap()
    }

    async fn notifications(&self) -> i64 {
        self.count("select count(*) as n from notifications").await
    }

    async fn fanouts(&self) -> i64 {
        self.count("select count(*) as n from fanouts").await
    }

    /// Rows that the writing connection changed so far.
    async fn written(&self) -> i64 {
        self.count("select total_changes() as n").await
    }

    /// Who is told of a message by which mention, by the number in the name.
    async fn told(&self, message: &Message) -> BTreeMap<usize, Mention> {
        let mut read = self.db.read().await.unwrap();
        let rows = sql("select user_id, kind, target from notifications where message_id = $1 limit 20000")
            .bind(message.id)
            .all(&mut read)
            .await
            .unwrap();
        let number = |user: UserId| self.people.iter().position(|other| *other == user).unwrap();
        rows.iter()
            .map(|row| (number(row.id("user_id").unwrap()), mentioned::mention(row).unwrap()))
            .collect()
    }
}

#[tokio::test]
async fn who_writes_to_ten_thousand_waits_no_longer_than_who_writes_to_two_hundred() {
    let mut rows = Vec::new();
    for members in [200, 10_000] {
        let house = House::of(members).await;
        let before = house.written().await;
        let message = house.posts(0, "lunch, @everyone").await.unwrap();
        rows.push(house.written().await - before);
        assert_eq!(house.fanouts().await, 1);
        let at_once = house.notifications().await;
        // The author is among the first, and is not told.
        assert_eq!(at_once, FIRST as i64 - 1);

        let mut batches = 0;
        let mut told = at_once;
        while house.chat.fan_out_once().await.unwrap() {
            batches += 1;
            let now = house.notifications().await;
            assert!(now - told <= BATCH as i64, "a batch of {}", now - told);
            told = now;
        }
        assert_eq!(batches, (members - FIRST) / BATCH + 1);
        assert_eq!(house.told(&message).await.len(), members - 1);
        assert_eq!(house.fanouts().await, 0);
    }
    assert_eq!(rows[0], rows[1], "rows written before the author has an answer");
    assert!(rows[1] < 2 * FIRST as i64, "{rows:?}");
}

#[tokio::test]
async fn a_crash_in_the_middle_costs_nobody_their_notification() {
    let mut house = House::of(1_500).await;
    let message = house.posts(0, "@everyone").await.unwrap();
    assert!(house.chat.fan_out_once().await.unwrap());
    // A batch that was under way is undone with its transaction.
    drop(house.db.begin().await.unwrap());
    house.chat = open(&house.db, &house.live, &house.clock).await;
    house.works_off().await;
    let told = house.told(&message).await;
    assert_eq!(told.len(), 1_499);
    assert!(!told.contains_key(&0), "the author is told");
}

#[tokio::test]
async fn deleting_stops_what_is_under_way_and_takes_the_rest_back() {
    let house = House::of(1_500).await;
    let message = house.posts(0, "@everyone and @u3").await.unwrap();
    assert!(house.chat.fan_out_once().await.unwrap());
    let before = house.written().await;
    house.chat.delete_message(house.people[0], message.id).await.unwrap();
    assert!(house.written().await - before < 2 * FIRST as i64 + 10, "deleting is bounded too");
    assert!(house.notifications().await > 0);
    house.works_off().await;
    assert_eq!((house.notifications().await, house.fanouts().await), (0, 0));
    assert_eq!(house.count("select count(*) as n from mentions").await, 0);
}

#[tokio::test]
async fn taking_everyone_back_leaves_those_who_are_meant_otherwise() {
    let house = House::of(1_500).await;
    let message = house.posts(0, "@everyone, above all @u3 and @devs").await.unwrap();
    house.works_off().await;
    let told = house.told(&message).await;
    assert_eq!(told.len(), 1_499);
    // The narrowest mention is the one that is kept.
    assert_eq!(told[&3], Mention::User { user: house.people[3] });
    assert_eq!(told[&4], Mention::Group { group: house.devs });
    assert_eq!(told[&600], Mention::Everyone);

    let message = house.edits(&message, "above all @u3 and @devs").await;
    house.works_off().await;
    assert_eq!(house.told(&message).await.into_keys().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    // And back again, although taking back may not be over.
    let message = house.edits(&message, "@everyone").await;
    let message = house.edits(&message, "never mind").await;
    let message = house.edits(&message, "@everyone after all").await;
    house.works_off().await;
    assert_eq!(house.told(&message).await.len(), 1_499);
}

#[tokio::test]
async fn nobody_outside_the_channel_is_told_and_nobody_who_wants_to_hear_nothing() {
    let house = House::of(8).await;
    house.leaves(2).await;
    let nothing = Involvement::Nothing;
    house.chat.set_involvement(house.people[3], house.channel, nothing).await.unwrap();
    for user in [1, 2, 3] {
        house.live.arrived(house.people[user], house.chat.next_id());
    }
    let message = house.posts(1, "@u2 @u3 @u4").await.unwrap();
    // A name that nobody in the channel has means nobody.
    assert_eq!(message.mentions.len(), 2);
    assert_eq!(house.told(&message).await.into_keys().collect::<Vec<_>>(), [4]);
    let message = house.posts(0, "@devs").await.unwrap();
    assert_eq!(house.told(&message).await.into_keys().collect::<Vec<_>>(), [1, 4, 5]);
    let message = house.posts(0, "@here").await.unwrap();
    assert_eq!(
        house.told(&message).await.into_keys().collect::<Vec<_>>(),
        [1],
        "who is online, but not oneself"
    );
    let message = house.posts(0, "@all").await.unwrap();
    assert_eq!(house.told(&message).await.into_keys().collect::<Vec<_>>(), [1, 4, 5, 6, 7]);
}

#[tokio::test]
async fn here_reaches_however_many_are_online() {
    let house = House::of(700).await;
    for user in &house.people[..650] {
        house.live.arrived(*user, house.chat.next_id());
    }
    let message = house.posts(0, "@here").await.unwrap();
    assert_eq!(house.notifications().await, FIRST as i64 - 1);
    house.works_off().await;
    assert_eq!(house.told(&message).await.into_keys().collect::<Vec<_>>(), (1..650).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_seen_long_ago_is_purged_a_bounded_number_at_a_time() {
    let house = House::of(700).await;
    for text in ["@everyone", "@everyone again"] {
        house.posts(0, text).await.unwrap();
        house.works_off().await;
    }
    assert_eq!(house.notifications().await, 2 * 699);
    let seen = house.clock.now();
    let mut tx = house.db.begin().await.unwrap();
    sql("update notifications set read_at = $1").bind(seen).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    house.clock.advance(notifications::KEPT_FOR);
    assert!(!house.chat.purge_notifications().await.unwrap());
    assert_eq!(house.notifications().await, 2 * 699, "kept to the last moment");
    house.clock.advance(Duration::from_millis(1));
    assert!(house.chat.purge_notifications().await.unwrap());
    assert_eq!(house.notifications().await, 2 * 699 - notifications::PURGED_AT_ONCE);
    assert!(!house.chat.purge_notifications().await.unwrap());
    assert_eq!(house.notifications().await, 0);
}

#[tokio::test]
async fn in_a_large_channel_only_admins_tell_everyone() {
    let house = House::of(mentioned::EVERYONE_MAX as usize + 1).await;
    assert!(matches!(house.posts(1, "@everyone").await, Err(Error::BroadcastNotAllowed)));
    assert_eq!(
        house.count("select count(*) as n from messages").await,
        0,
        "what is refused is not half posted"
    );
    assert_eq!(house.count("select coalesce(max(number), 0) as n from heads").await, 0);
    house.posts(1, "`@everyone` is not for me").await.unwrap();
    house.posts(1, "@here is").await.unwrap();
    house.posts(0, "@everyone").await.unwrap();
    house.leaves(50).await;
    house.posts(2, "@everyone").await.unwrap();
}

#[tokio::test]
async fn whoever_told_many_waits_a_minute_before_the_next_time() {
    let house = House::of(10).await;
    let wait = |refused: Result<Message, Error>| match refused {
        Err(Error::BroadcastTooSoon { wait_s }) => wait_s,
        other => panic!("{other:?}"),
    };
    let first = house.posts(1, "@everyone").await.unwrap();
    assert_eq!(wait(house.posts(1, "@here").await), 60);
    house.clock.advance(Duration::from_millis(59_500));
    assert_eq!(wait(house.posts(1, "@all").await), 1);
    // Neither what is told already, nor fewer people, nor somebody else, nor an admin.
    house.edits(&first, "@everyone, once more").await;
    house.posts(1, "@devs @u2 and `@here`").await.unwrap();
    house.posts(2, "@everyone").await.unwrap();
    for _ in 0..3 {
        house.posts(0, "@everyone").await.unwrap();
    }
    // An edit is no way around it.
    let plain = house.posts(1, "here").await.unwrap();
    let body = Body::parse("@here").unwrap();
    let refused = house.chat.edit_message(house.people[1], plain.id, body.clone()).await;
    assert_eq!(wait(refused), 1);
    house.clock.advance(Duration::from_millis(500));
    house.chat.edit_message(house.people[1], plain.id, body).await.unwrap();
}

#[tokio::test]
async fn a_text_with_a_thousand_names_costs_a_bounded_number_of_rows() {
    let house = House::of(300).await;
    let names: Vec<String> = (1..300).map(|number| format!("@u{number}-x-y")).collect();
    let message = house.posts(0, &names.join(" ")).await.unwrap();
    assert_eq!(message.mentions.len(), crate::chat::mentions::NAMES_MAX);
    assert_eq!(house.told(&message).await.len(), crate::chat::mentions::NAMES_MAX);
}

/// Whatever an author writes and takes back, and however far the work behind it is by then: in the end exactly
/// those are told whom the last text means, each by the narrowest mention.
#[tokio::test]
async fn storms_of_edits_end_where_the_last_text_says() {
    const PARTS: [&str; 6] = ["@everyone", "@here", "@devs", "@u1", "@u7", "@u650"];
    let house = House::of(700).await;
    for user in &house.people[..150] {
        house.live.arrived(*user, house.chat.next_id());
    }
    for seed in 1..=6u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut message = house.posts(0, &format!("storm {seed}")).await.unwrap();
        for edit in 0..8 {
            let chosen = draw(64);
            let parts: Vec<&str> = PARTS
                .iter()
                .enumerate()
                .filter(|(bit, _)| chosen >> bit & 1 == 1)
                .map(|(_, part)| *part)
                .collect();
            message = house.edits(&message, &format!("{edit} {}", parts.join(" "))).await;
            for _ in 0..draw(3) {
                house.chat.fan_out_once().await.unwrap();
            }
        }
        house.works_off().await;
        let has = |mention| message.mentions.contains(&mention);
        let user = |number: usize| Mention::User { user: house.people[number] };
        let group = Mention::Group { group: house.devs };
        let expected: BTreeMap<usize, Vec<Mention>> = (1..700)
            .map(|number| {
                let meant = [
                    (has(user(number)), user(number)),
                    (has(group) && number <= 5, group),
                    (has(Mention::Here) && number < 150, Mention::Here),
                    (has(Mention::Everyone), Mention::Everyone),
                ];
                (number, meant.into_iter().filter(|(is, _)| *is).map(|(_, mention)| mention).collect())
            })
            .filter(|(_, meant): &(usize, Vec<Mention>)| !meant.is_empty())
            .collect();
        let told = house.told(&message).await;
        assert_eq!(
            told.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "seed {seed}: {}",
            message.body
        );
        for (number, by) in told {
            // Who was told by a wider one first keeps it.
            assert!(expected[&number].contains(&by), "seed {seed}: u{number} by {by:?}: {}", message.body);
        }
    }
}
