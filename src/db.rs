//! The database: opening, migrating, reading, writing. The only place that knows which engine it is.
//!
//! Must never know: what a user or a message is.
//! Start with [`Db::begin`], then [`sql`].
//!
//! # Writing
//!
//! SQLite takes one writer at a time, so one task owns the one writing connection and lends it to one
//! operation after the other ([`Tx`]). Operations that wait in line share a commit: each runs in a savepoint of
//! its own inside one transaction, and all are answered when that is on disk (`synchronous = full`). An
//! operation that fails or is dropped rolls back alone. Thereby there is no `SQLITE_BUSY`, and a durable
//! commit costs one sync per batch instead of one per message.
//!
//! An operation must not wait for anything but the database while it holds a [`Tx`]: everybody else waits
//! behind it.
//!
//! # Reading
//!
//! Readers have a pool of their own beside the writer and see what is committed.
//!
//! # Two engines
//!
//! Statements are written in the subset that SQLite and PostgreSQL share, with `$1` parameters, and go through
//! [`sql`], [`Value`] and [`Row`], which name no engine. PostgreSQL will be a second variant inside
//! `Conn` and a pool in place of the writer task; no caller changes.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, Executor, Row as _, SqlSafeStr, Sqlite};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{ChannelId, GroupId, MessageId, MessageNumber, SessionId, UserId};

/// Connections that only read. More would not read faster on the two cores we aim at.
const READERS: u32 = 4;

/// Operations that may share one commit. Larger batches gained nothing when measured and make the first wait.
const BATCH: usize = 64;

/// Operations that may wait for the writer. When as many wait, the next caller waits to be let in line:
/// sockets handle one request at a time, so the pressure reaches the clients.
const LINE: usize = 1024;

/// How long SQLite waits for a lock that another process (a backup, a console) holds.
const BUSY: Duration = Duration::from_secs(5);

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused.
    #[error("database: {0}")]
    Engine(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The batch this operation shared could not be committed. Nothing of it was stored.
    #[error("commit failed: {0}")]
    Commit(String),
    /// The database is closed.
    #[error("the database is closed")]
    Closed,
    /// The folder or file could not be made.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether a row with the same unique value was there already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// Every migration, oldest first. They are part of the binary and never change once released.
fn migrations() -> Vec<Migration> {
    [
        (1, "accounts", include_str!("../migrations/0001_accounts.sql")),
        (2, "channels", include_str!("../migrations/0002_channels.sql")),
        (3, "messages", include_str!("../migrations/0003_messages.sql")),
        (4, "max_speakers", include_str!("../migrations/0004_max_speakers.sql")),
        (10, "message_numbers", include_str!("../migrations/0010_message_numbers.sql")),
        (11, "groups", include_str!("../migrations/0011_groups.sql")),
        (12, "mentions", include_str!("../migrations/0012_mentions.sql")),
    ]
    .into_iter()
    .map(|(version, name, text)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    })
    .collect()
}

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: mpsc::Sender<Ask>,
}

impl Db {
    /// Opens (or makes) the database file, readable by its owner alone, and brings the schema up to date.
    pub async fn open(file: &Path) -> Result<Self, Error> {
        make_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten, not only forgotten.
            .pragma("secure_delete", "on")
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let mut writing = SqliteConnection::connect_with(&options).await?;
        Migrator::with_migrations(migrations()).run(&mut writing).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        let (writer, line) = mpsc::channel(LINE);
        tokio::spawn(lend(Conn(Engine::Writing(writing)), line));
        Ok(Self { readers, writer })
    }

    /// Begins an operation that writes. Dropping it without [`Tx::commit`] undoes it.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let (ask, lease) = oneshot::channel();
        self.writer.send(Ask::Lend(ask)).await.map_err(|_| Error::Closed)?;
        Ok(Tx { lease: Some(lease.await.map_err(|_| Error::Closed)?) })
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<Reader, Error> {
        match self.readers.acquire().await {
            Ok(connection) => Ok(Reader(Conn(Engine::Reading(connection)))),
            Err(sqlx::Error::PoolClosed) => Err(Error::Closed),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets what is in line finish, then closes the file. Later calls answer [`Error::Closed`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(Ask::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        self.readers.close().await;
    }
}

/// An operation that writes, inside a transaction. Reads see its own writes.
pub struct Tx {
    // None only after it was given back.
    lease: Option<Lease>,
}

impl Tx {
    /// Returns when everything this operation wrote is on disk.
    pub async fn commit(mut self) -> Result<(), Error> {
        let (done, committed) = oneshot::channel();
        if let Some(lease) = self.lease.take() {
            lease.give_back(Outcome::Commit(done));
        }
        match committed.await {
            Ok(result) => result.map_err(Error::Commit),
            Err(_) => Err(Error::Closed),
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(Outcome::Abandon);
        }
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        match &self.lease {
            Some(lease) => &lease.conn,
            // `lease` is taken by `commit` and `drop`, which both own the Tx: nobody can still borrow it.
            None => unreachable!("a Tx is used after it was given back"),
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        match &mut self.lease {
            Some(lease) => &mut lease.conn,
            None => unreachable!("a Tx is used after it was given back"),
        }
    }
}

/// A connection that only reads.
pub struct Reader(Conn);

impl Deref for Reader {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

/// What statements run on; a [`Tx`] and a [`Reader`] both are one.
pub struct Conn(Engine);

enum Engine {
    Writing(SqliteConnection),
    Reading(PoolConnection<Sqlite>),
}

impl Conn {
    fn sqlite(&mut self) -> &mut SqliteConnection {
        match &mut self.0 {
            Engine::Writing(connection) => connection,
            Engine::Reading(connection) => connection,
        }
    }

    async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        self.sqlite().execute(text).await.map(drop)
    }
}

/// A statement, in the words both engines know; parameters are `$1`, `$2` and so on.
pub fn sql(text: &'static str) -> Statement {
    Statement { text, values: Vec::new() }
}

/// A statement with its parameters.
pub struct Statement {
    text: &'static str,
    values: Vec<Value>,
}

impl Statement {
    /// The next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it; how many rows it changed.
    pub async fn execute(self, conn: &mut Conn) -> Result<u64, Error> {
        Ok(self.sqlite().execute(conn.sqlite()).await?.rows_affected())
    }

    /// Its only row, if there is one.
    pub async fn optional(self, conn: &mut Conn) -> Result<Option<Row>, Error> {
        Ok(self.sqlite().fetch_optional(conn.sqlite()).await?.map(Row))
    }

    /// Its only row, of which there is always one (an aggregate).
    pub async fn one(self, conn: &mut Conn) -> Result<Row, Error> {
        Ok(Row(self.sqlite().fetch_one(conn.sqlite()).await?))
    }

    /// All its rows. The statement must bound them.
    pub async fn all(self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        Ok(self.sqlite().fetch_all(conn.sqlite()).await?.into_iter().map(Row).collect())
    }

    fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Id(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
        })
    }
}

/// A parameter. Null has the type of its column, which PostgreSQL wants to know.
pub enum Value {
    /// `bigint`: numbers and times.
    Integer(Option<i64>),
    /// `text`.
    Text(Option<String>),
    /// `uuid`.
    Id(Option<Uuid>),
    /// `boolean`.
    Bool(Option<bool>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(Some(value.as_millis()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Id(Some(value))
    }
}

macro_rules! id_values {
    ($($id:ty)*) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Id(Some(value.into()))
            }
        }
    )*};
}

id_values!(UserId SessionId ChannelId MessageId GroupId);

impl From<MessageNumber> for Value {
    fn from(value: MessageNumber) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

/// A row that came back; columns by name.
pub struct Row(SqliteRow);

impl Row {
    /// A `bigint` column.
    pub fn integer(&self, column: &str) -> Result<i64, Error> {
        Ok(self.0.try_get(column)?)
    }

    /// A `bigint` column that holds a time.
    pub fn time(&self, column: &str) -> Result<Timestamp, Error> {
        self.integer(column).map(Timestamp::from_millis)
    }

    /// A `text` column.
    pub fn text(&self, column: &str) -> Result<String, Error> {
        Ok(self.0.try_get(column)?)
    }

    /// A `uuid` column.
    pub fn id<Id: From<Uuid>>(&self, column: &str) -> Result<Id, Error> {
        Ok(Id::from(self.0.try_get::<Uuid, _>(column)?))
    }
}

enum Ask {
    Lend(oneshot::Sender<Lease>),
    Close(oneshot::Sender<()>),
}

/// The writing connection in the hands of one operation.
struct Lease {
    conn: Conn,
    back: oneshot::Sender<(Conn, Outcome)>,
}

impl Lease {
    fn give_back(self, outcome: Outcome) {
        // The task on the other side waits for exactly this; if it is gone the connection closes here.
        let _ = self.back.send((self.conn, outcome));
    }
}

enum Outcome {
    Commit(oneshot::Sender<Result<(), String>>),
    Abandon,
}

/// Lends the writing connection to one operation after the other until the database is closed.
async fn lend(mut conn: Conn, mut line: mpsc::Receiver<Ask>) {
    while let Some(ask) = line.recv().await {
        let first = match ask {
            Ask::Lend(first) => first,
            Ask::Close(done) => {
                line.close();
                if let Engine::Writing(connection) = conn.0 {
                    // A failed close loses nothing: every answered commit is on disk already.
                    let _ = connection.close().await;
                }
                let _ = done.send(());
                return;
            }
        };
        match run_batch(conn, first, &mut line).await {
            Some(back) => conn = back,
            None => {
                tracing::error!("the writing connection is lost; restart the server");
                return;
            }
        }
    }
}

/// One commit: `first` and whoever else is in line by then. The connection comes back, or is lost for good.
async fn run_batch(
    mut conn: Conn,
    first: oneshot::Sender<Lease>,
    line: &mut mpsc::Receiver<Ask>,
) -> Option<Conn> {
    if let Err(error) = conn.run("begin immediate").await {
        // Nobody was lent anything: `first` is dropped here and its caller sees `Error::Closed`.
        tracing::error!(%error, "cannot begin to write");
        return Some(conn);
    }
    let mut done = Vec::new();
    let mut close = None;
    let mut next = Some(first);
    let mut failure = None;
    while let Some(ask) = next.take() {
        if let Err(error) = conn.run("savepoint operation").await {
            failure = Some(error.to_string());
            break;
        }
        let (back, returned) = oneshot::channel();
        let (returned, outcome) = match ask.send(Lease { conn, back }) {
            // It stopped waiting in the meantime.
            Err(lease) => (lease.conn, Outcome::Abandon),
            Ok(()) => returned.await.ok()?,
        };
        conn = returned;
        let ended = match outcome {
            Outcome::Commit(answer) => {
                done.push(answer);
                conn.run("release operation").await
            }
            Outcome::Abandon => conn.run("rollback to operation; release operation").await,
        };
        if let Err(error) = ended {
            failure = Some(error.to_string());
            break;
        }
        if done.len() < BATCH {
            match line.try_recv() {
                Ok(Ask::Lend(ask)) => next = Some(ask),
                Ok(Ask::Close(ask)) => close = Some(ask),
                Err(_) => {}
            }
        }
    }
    let result = match failure {
        Some(failure) => Err(failure),
        None => conn.run("commit").await.map_err(|error| error.to_string()),
    };
    if let Err(error) = &result {
        tracing::error!(%error, operations = done.len(), "a batch could not be committed");
        // Best effort: if there is no transaction any more, this says so and nothing else.
        let _ = conn.run("rollback").await;
    }
    for answer in done {
        let _ = answer.send(result.clone());
    }
    if let Some(ask) = close {
        line.close();
        let _ = ask.send(());
    }
    Some(conn)
}

/// Makes the file before SQLite does, so that it and its companions (which copy its mode) are 0600.
fn make_private(file: &Path) -> Result<(), Error> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let fail = |source| Error::File { path: file.display().to_string(), source };
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(fail)?;
    made.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fresh() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("test.db")).await.unwrap();
        (folder, db)
    }

    async fn names(db: &Db) -> Vec<String> {
        let mut read = db.read().await.unwrap();
        let rows = sql("select name from channels order by name").all(&mut read).await.unwrap();
        rows.iter().map(|row| row.text("name").unwrap()).collect()
    }

    async fn insert(conn: &mut Conn, name: &str) -> Result<u64, Error> {
        sql("insert into channels (id, name, slug, kind, is_default, position, created_at)
             values ($1, $2, $2, 'text', $3, 0, 0)")
        .bind(Uuid::now_v7())
        .bind(name)
        .bind(false)
        .execute(conn)
        .await
    }

    #[tokio::test]
    async fn what_is_committed_is_read_and_what_is_dropped_is_not() {
        let (_folder, db) = fresh().await;
        let mut kept = db.begin().await.unwrap();
        insert(&mut kept, "kept").await.unwrap();
        kept.commit().await.unwrap();
        let mut dropped = db.begin().await.unwrap();
        insert(&mut dropped, "dropped").await.unwrap();
        drop(dropped);
        assert_eq!(names(&db).await, ["kept"]);
    }

    #[tokio::test]
    async fn an_operation_that_fails_leaves_the_others_of_its_batch_alone() {
        let (_folder, db) = fresh().await;
        let many = (0..200).map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                // Every name comes twice; the second of each pair is refused.
                let result = insert(&mut tx, &format!("{:03}", number / 2)).await;
                match result {
                    Ok(_) => tx.commit().await.map(|()| true),
                    Err(error) if error.is_duplicate() => Ok(false),
                    Err(error) => Err(error),
                }
            })
        });
        let mut stored = 0;
        for task in many.collect::<Vec<_>>() {
            stored += usize::from(task.await.unwrap().unwrap());
        }
        assert_eq!(stored, 100);
        assert_eq!(names(&db).await.len(), 100);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let (_folder, db) = fresh().await;
        let mut read = db.read().await.unwrap();
        assert!(insert(&mut read, "no").await.is_err());
    }

    #[tokio::test]
    async fn closing_finishes_what_is_in_line_and_refuses_the_rest() {
        let (_folder, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, "last").await.unwrap();
        let closing = tokio::spawn({
            let db = db.clone();
            async move { db.close().await }
        });
        tx.commit().await.unwrap();
        closing.await.unwrap();
        assert!(matches!(db.begin().await, Err(Error::Closed)));
        assert!(matches!(db.read().await, Err(Error::Closed)));
    }

    #[tokio::test]
    async fn the_file_and_its_companions_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, "x").await.unwrap();
        tx.commit().await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}
