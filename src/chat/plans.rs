//! The statements that run all day have an index to run on, however much is stored: none of them looks through a
//! whole table, and none sorts more than a page of it.
//!
//! SQLite decides that by the schema alone, PostgreSQL by how much there is, so it is asked about a house in which
//! much was written ([`House::fill`]). `benches/plans` asks both about a house of a million messages, and tells how
//! long each statement takes there.

use std::time::{Duration, Instant};

use tempfile::tempdir;
use uuid::Uuid;

use super::{clearing, fanouts, mentioned, messages, notifications, previews, readings};
use crate::db::{Address, Conn, Db, Row, Statement, Value, sql};
use crate::id::UserId;

/// How much there is.
#[derive(Clone, Copy)]
struct Size {
    users: u32,
    channels: u32,
    messages: u32,
}

/// What `benches/plans` asks about.
const FULL: Size = Size { users: 10_000, channels: 1_000, messages: 1_000_000 };

/// Enough for PostgreSQL to think that looking through a table is dear.
const SOME: Size = Size { users: 1_000, channels: 100, messages: 60_000 };

/// Channels of everybody. The first user is in all, and is told more than the others.
const CHANNELS_EACH: u32 = 20;

/// Tables that grow with what is written, or with who is where.
const BIG: [&str; 4] = ["messages", "notifications", "mentions", "memberships"];

/// Ids that can be told from a number, and grow with it.
fn id(kind: u32, number: u32) -> Uuid {
    Uuid::from_u128((u128::from(kind) << 96) | (0x7000_8000_0000 << 32) | u128::from(number))
}

const USER: u32 = 1;
const CHANNEL: u32 = 2;
const MESSAGE: u32 = 3;

/// A database on either engine.
struct House {
    db: Db,
    size: Size,
    postgres: bool,
    _folder: tempfile::TempDir,
}

/// A statement that runs all day, with parameters.
struct Hot {
    name: &'static str,
    text: &'static str,
    values: Vec<Value>,
}

impl Hot {
    fn statement(&self) -> Statement {
        self.before("")
    }

    fn before(&self, explain: &str) -> Statement {
        // The few statements of one test.
        let text: &'static str = Box::leak(format!("{explain}{}", self.text).into_boxed_str());
        self.values.iter().fold(sql(text), |statement, value| statement.bind(value.clone()))
    }
}

impl House {
    async fn on_sqlite(size: Size) -> Self {
        let folder = tempdir().unwrap();
        let db = Db::open(&Address::File(folder.path().join("test.db"))).await.unwrap();
        Self { db, size, postgres: false, _folder: folder }
    }

    /// In the database that nobody else takes, of the server that `tests/postgres` started.
    async fn on_postgres(size: Size) -> Self {
        let server = std::env::var("CROMULENT_TEST_POSTGRES").expect("tests/postgres starts a server");
        let db = Db::open(&server.parse().unwrap()).await.unwrap();
        Self { db, size, postgres: true, _folder: tempdir().unwrap() }
    }

    /// Of [`id`], in the words of the engine.
    fn id(&self, kind: u32, number: &str) -> String {
        match self.postgres {
            true => format!(
                "cast(lpad(to_hex({kind}), 8, '0') || '0000700080000000' || lpad(to_hex({number}), 8, '0') as uuid)"
            ),
            false => format!("unhex(printf('%08x0000700080000000%08x', {kind}, {number}))"),
        }
    }

    async fn run(&self, text: String) {
        let mut tx = self.db.begin().await.unwrap();
        sql(Box::leak(text.into_boxed_str())).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What `select` makes of as many numbers `i`, in portions that no engine takes long for.
    async fn insert(&self, count: u32, into: &str, select: &str) {
        const PORTION: usize = 100_000;
        for from in (0..count).step_by(PORTION) {
            let to = count.min(from + PORTION as u32);
            self.run(format!(
                "insert into {into}
                 with recursive n (i) as (select {from} union all select i + 1 from n where i + 1 < {to}) {select}"
            ))
            .await;
        }
    }

    /// Users, channels, who is where, messages, every third of which means somebody, and every fiftieth the first
    /// user, who has not seen the last of them.
    async fn fill(&self) {
        let Size { users, channels, messages } = self.size;
        let (user, channel, message) = (self.id(USER, "i"), self.id(CHANNEL, "i"), self.id(MESSAGE, "i"));
        let of_message = self.id(CHANNEL, &format!("i % {channels}"));
        let meant = self.id(USER, &format!("case when i % 50 = 0 then 0 else i % {users} end"));
        let each = messages / channels;
        self.insert(
            users,
            "users (id, username, username_folded, role, created_at)",
            &format!("select {user}, 'user' || i, 'user' || i, 'member', 0 from n"),
        )
        .await;
        self.insert(
            channels,
            "channels (id, name, slug, kind, is_default, position, created_at)",
            &format!("select {channel}, 'c' || i, 'c' || i, 'text', i < 0, i, 0 from n"),
        )
        .await;
        self.insert(channels, "heads (channel_id, number)", &format!("select {channel}, {each} from n"))
            .await;
        let first = self.id(USER, "0");
        self.insert(
            channels,
            "memberships (user_id, channel_id, joined_at)",
            &format!("select {first}, {channel}, 0 from n"),
        )
        .await;
        let member = self.id(USER, &format!("i / {CHANNELS_EACH}"));
        let place =
            self.id(CHANNEL, &format!("(i / {CHANNELS_EACH} + (i % {CHANNELS_EACH}) * 37) % {channels}"));
        self.insert(
            users * CHANNELS_EACH,
            "memberships (user_id, channel_id, joined_at)",
            &format!("select {member}, {place}, 0 from n where true on conflict do nothing"),
        )
        .await;
        let author = self.id(USER, &format!("i % {users}"));
        self.insert(
            messages,
            "messages (id, channel_id, author_id, body, nonce, posted_at, number)",
            &format!(
                "select {message}, {of_message}, {author}, 'message number ' || i, 'n' || i, i, i / {channels} + 1
                 from n"
            ),
        )
        .await;
        self.insert(
            messages,
            "mentions (channel_id, message_id, kind, target)",
            &format!("select {of_message}, {message}, 'user', {meant} from n where i % 3 = 0 or i % 50 = 0"),
        )
        .await;
        self.insert(
            messages,
            "notifications (message_id, user_id, channel_id, kind, target, read_at)",
            &format!(
                "select {message}, {meant}, {of_message}, 'user', {meant},
                        case when i % 50 = 0 and i > {messages} - 10000 then null else i end
                 from n where i % 3 = 0 or i % 50 = 0"
            ),
        )
        .await;
        if self.postgres {
            self.run("analyze".to_owned()).await;
        }
    }

    fn hot(&self) -> Vec<Hot> {
        let Size { channels, messages, .. } = self.size;
        let text = |text: &str| Value::from(text.to_owned());
        let number = |number: i64| Value::from(number);
        let (user, channel) = (Value::from(id(USER, 0)), Value::from(id(CHANNEL, 7)));
        // The newest message of that channel, and one of the middle.
        let last = (messages / channels - 1) * channels + 7;
        let message = |number: u32| Value::from(id(MESSAGE, number));
        let (newest, middle) = (message(last), message(last - messages / channels / 2 * channels));
        let new = Value::from(Uuid::max());
        let these = || (0..32).map(|number| Value::from(id(USER, number * 20)));
        let names = (0..32).map(|number| text(&format!("user{}", number * 20)));
        let telling =
            [newest.clone(), channel.clone(), text("user"), user.clone(), user.clone(), text("nothing")];
        let tell = |rest: Vec<Value>| telling.iter().cloned().chain(rest).collect::<Vec<_>>();
        let range = || vec![user.clone(), Value::from(id(USER, 500))];
        // What all that store a message have in common.
        let written = || {
            [newest.clone(), channel.clone(), user.clone(), number(1), text("hi"), text("new")].into_iter()
        };
        let page = number(51);
        let all: Vec<(&'static str, &'static str, Vec<Value>)> = vec![
            ("message by id", messages::BY_ID, vec![middle.clone()]),
            ("message by nonce", messages::BY_NONCE, vec![user.clone(), text("n1000")]),
            ("history: latest page", messages::LATEST, vec![channel.clone(), page.clone()]),
            ("history: page before", messages::BEFORE, vec![channel.clone(), page.clone(), middle.clone()]),
            ("history: page after", messages::AFTER, vec![channel.clone(), page.clone(), middle.clone()]),
            ("history: page from", messages::FROM_END, vec![channel.clone(), page.clone(), number(100)]),
            (
                "history: previews of a page",
                previews::OF_MESSAGES,
                vec![channel.clone(), middle.clone(), newest.clone(), number(51)],
            ),
            ("preview by address", previews::BY_URL, vec![text("https://example.org")]),
            (
                "messages that wait for a preview",
                previews::WAITING,
                vec![text("https://example.org"), number(100)],
            ),
            (
                "history: mentions of a page",
                mentioned::OF_MESSAGES,
                vec![channel.clone(), middle.clone(), newest.clone(), number(2_600)],
            ),
            (
                "mentions: names",
                mentioned::NAMED,
                [user.clone(), channel.clone()].into_iter().chain(names).collect(),
            ),
            (
                "mentions: record users",
                mentioned::RECORD_USERS,
                [channel.clone(), new.clone()].into_iter().chain(these()).collect(),
            ),
            ("post: record whom it names", mentioned::RECORD_WRITTEN, written().chain(these()).collect()),
            ("post: tell whom it names", fanouts::TELL_WRITTEN, written().chain(these()).collect()),
            (
                "post: insert",
                messages::INSERTED,
                vec![new.clone(), channel.clone(), user.clone(), number(1), text("hi"), text("new")],
            ),
            ("post: move the head", readings::HEAD_MOVED, vec![newest.clone()]),
            (
                "post: writer has read",
                readings::WRITER_HAS_READ,
                vec![newest.clone(), channel.clone(), user.clone()],
            ),
            (
                "post: writer has seen",
                readings::WRITER_HAS_SEEN,
                vec![newest.clone(), channel.clone(), user.clone(), number(1)],
            ),
            ("unread: readings", readings::OF_USER, vec![user.clone(), text("text"), number(2_000)]),
            (
                "unread: at a message",
                readings::AT_MESSAGE,
                vec![middle.clone(), channel.clone(), user.clone()],
            ),
            (
                "unread: notified up to",
                readings::UNREAD_UP_TO,
                vec![user.clone(), newest.clone(), channel.clone()],
            ),
            (
                "unread: read up to",
                readings::READ_UP_TO,
                vec![user.clone(), newest.clone(), channel.clone(), number(1)],
            ),
            ("unread: mentions", notifications::UNREAD, vec![user.clone(), number(101)]),
            ("inbox", notifications::INBOX, vec![user.clone(), new.clone(), number(21)]),
            (
                "inbox: what is unread",
                notifications::INBOX_UNREAD,
                vec![user.clone(), new.clone(), number(21)],
            ),
            ("clear what was seen long ago", notifications::PURGE, vec![number(1_000), number(1_000)]),
            ("inbox: all read", notifications::INBOX_READ, vec![user.clone(), middle.clone(), number(1)]),
            ("inbox: one read", notifications::ONE_READ, vec![user.clone(), newest.clone(), number(1)]),
            ("tell these", fanouts::TELL_THESE, tell(these().collect())),
            ("tell the named", fanouts::TELL_NAMED, tell(these().collect())),
            ("tell members", fanouts::TELL_MEMBERS, tell(range())),
            ("tell a group", fanouts::TELL_GROUP, tell(range())),
            ("members after", fanouts::MEMBERS_AFTER, vec![channel.clone(), user.clone(), number(500)]),
            ("group after", fanouts::GROUP_AFTER, vec![channel.clone(), user.clone(), number(500)]),
            ("withdraw", fanouts::WITHDRAW, vec![newest.clone(), text("user"), user.clone(), number(100)]),
            (
                "clear notifications of a channel",
                clearing::NOTIFICATIONS_OF_CHANNEL,
                vec![channel.clone(), number(clearing::MESSAGES), number(clearing::NOTIFICATIONS)],
            ),
            (
                "clear mentions of a channel",
                clearing::MENTIONS_OF_CHANNEL,
                vec![channel.clone(), number(clearing::MESSAGES)],
            ),
            (
                "clear hyperlinks of a channel",
                clearing::HYPERLINKS_OF_CHANNEL,
                vec![channel.clone(), number(clearing::MESSAGES)],
            ),
            (
                "clear messages of a channel",
                clearing::MESSAGES_OF_CHANNEL,
                vec![channel.clone(), number(clearing::MESSAGES)],
            ),
            (
                "clear notifications of a user",
                clearing::NOTIFICATIONS_OF_USER,
                vec![user.clone(), number(clearing::NOTIFICATIONS)],
            ),
        ];
        all.into_iter().map(|(name, text, values)| Hot { name, text, values }).collect()
    }

    /// The steps in which the engine would do it.
    async fn plan(&self, conn: &mut Conn, hot: &Hot) -> Vec<String> {
        let (explain, column) = match self.postgres {
            true => ("explain ", "QUERY PLAN"),
            false => ("explain query plan ", "detail"),
        };
        let rows = hot.before(explain).all(conn).await.unwrap();
        rows.iter().map(|row: &Row| row.text(column).unwrap()).collect()
    }

    /// Looks at every row of a big table or of an index of it.
    fn scans(&self, step: &str) -> bool {
        match self.postgres {
            true => BIG.iter().any(|table| step.contains(&format!("Seq Scan on {table}"))),
            false => step.starts_with("SCAN") && step != "SCAN CONSTANT ROW",
        }
    }

    async fn assert_nothing_is_looked_through(&self) {
        let mut tx = self.db.begin().await.unwrap();
        // Whoever clears away deletes hundreds of rows at once: in a small house looking through all is the shorter way.
        let small = self.postgres && self.size.messages < FULL.messages;
        for hot in self.hot().into_iter().filter(|hot| !(small && hot.name.starts_with("clear "))) {
            let (name, plan) = (hot.name, self.plan(&mut tx, &hot).await);
            assert!(!plan.is_empty(), "{name}: no plan");
            assert!(!plan.iter().any(|step| self.scans(step)), "{name} looks through a table: {plan:#?}");
            // PostgreSQL sorts a handful of rows where that is cheaper.
            assert!(!plan.iter().any(|step| step.contains("ORDER BY")), "{name} sorts: {plan:#?}");
        }
    }

    /// The median time of a statement; what it writes is undone.
    async fn time(&self, hot: &Hot) -> Duration {
        let mut times = Vec::new();
        for _ in 0..15 {
            let mut tx = self.db.begin().await.unwrap();
            let from = Instant::now();
            hot.statement().all(&mut tx).await.unwrap();
            times.push(from.elapsed());
        }
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// For `benches/plans`: every plan in one line, with the time of the statement, and that of signing in.
    async fn tell(&self) {
        let engine = if self.postgres { "PostgreSQL" } else { "SQLite" };
        let Size { users, channels, messages } = self.size;
        println!("{engine}: {messages} messages, {channels} channels, {users} users");
        for hot in self.hot() {
            let mut tx = self.db.begin().await.unwrap();
            let plan = self.plan(&mut tx, &hot).await;
            drop(tx);
            let scans = if plan.iter().any(|step| self.scans(step)) { "LOOKS THROUGH A TABLE" } else { "" };
            println!("{:9.3} ms  {:34} {scans}", self.time(&hot).await.as_secs_f64() * 1e3, hot.name);
            if !scans.is_empty() {
                println!("{plan:#?}");
            }
        }
        let mut times = Vec::new();
        for _ in 0..15 {
            let mut read = self.db.read().await.unwrap();
            let user: UserId = id(USER, 0).into();
            let from = Instant::now();
            let read_channels = readings::of_user(&mut read, user).await.unwrap();
            let (unread, more) = notifications::unread(&mut read, user).await.unwrap();
            times.push(from.elapsed());
            assert_eq!((read_channels.len(), more), (channels as usize, true), "{} unread", unread.len());
        }
        times.sort_unstable();
        println!(
            "{:9.3} ms  all counters of somebody who signs in, in {channels} channels",
            times[7].as_secs_f64() * 1e3
        );
    }
}

#[tokio::test]
async fn what_runs_all_day_never_looks_through_a_table() {
    House::on_sqlite(SOME).await.assert_nothing_is_looked_through().await;
}

#[tokio::test]
async fn badges_are_read_off_the_small_index() {
    let house = House::on_sqlite(SOME).await;
    let mut tx = house.db.begin().await.unwrap();
    for hot in house.hot() {
        if [
            "unread: mentions",
            "inbox: what is unread",
            "inbox: all read",
            "unread: read up to",
            "unread: notified up to",
        ]
        .contains(&hot.name)
        {
            let plan = house.plan(&mut tx, &hot).await;
            assert!(plan.iter().any(|step| step.contains("notifications_unread")), "{plan:#?}");
        }
    }
}

#[tokio::test]
async fn a_statement_without_an_index_is_found_out() {
    let house = House::on_sqlite(SOME).await;
    let hot = Hot { name: "", text: "select id from messages where body = 'hi'", values: Vec::new() };
    let mut tx = house.db.begin().await.unwrap();
    let plan = house.plan(&mut tx, &hot).await;
    assert!(plan.iter().any(|step| house.scans(step)), "{plan:#?}");
}

#[tokio::test]
#[ignore = "benches/plans runs it"]
async fn figures_of_plans_on_sqlite() {
    let house = House::on_sqlite(FULL).await;
    house.fill().await;
    house.tell().await;
    house.assert_nothing_is_looked_through().await;
}

/// Those that need a server.
mod postgres {
    use super::*;

    #[tokio::test]
    async fn what_runs_all_day_never_looks_through_a_table() {
        let house = House::on_postgres(SOME).await;
        house.fill().await;
        house.assert_nothing_is_looked_through().await;
        let hot = Hot { name: "", text: "select id from messages where body = 'hi'", values: Vec::new() };
        let mut tx = house.db.begin().await.unwrap();
        let plan = house.plan(&mut tx, &hot).await;
        assert!(plan.iter().any(|step| house.scans(step)), "one without an index is found out: {plan:#?}");
    }

    #[tokio::test]
    #[ignore = "benches/plans runs it"]
    async fn figures_of_plans_on_postgres() {
        let house = House::on_postgres(FULL).await;
        house.fill().await;
        house.tell().await;
        house.assert_nothing_is_looked_through().await;
    }
}
