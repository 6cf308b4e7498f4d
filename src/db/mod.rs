//! The database: opening, migrating, reading, writing. The only place that knows which engine it is.
//!
//! Must never know: what a user or a message is.
//! Start with [`Db::begin`], then [`sql`].
//!
//! # Two engines
//!
//! Statements are written in the subset that SQLite and PostgreSQL share, with `$1` parameters, and go through
//! [`sql`], [`Value`] and [`Row`], which name no engine. What the engines do not share is in `sqlite.rs` and
//! `postgres.rs`; [`Address`] says which one it is.
//!
//! # Writing
//!
//! On both engines an operation that begins with [`Db::begin`] runs as if it were the only one that writes: what it
//! has read holds until it commits, and ids made inside it are in the order of commits. So a rule is
//! checked by an ordinary `select` and kept by the ordinary statement after it. SQLite lends its one writing
//! connection to one operation after the other; on PostgreSQL each has a connection and a transaction of its own,
//! and takes a lock that nobody else who writes can hold, on whichever server he is.
//!
//! [`Db::begin_for`] is for operations of which many run at once and that were looked at for it: on PostgreSQL they run
//! beside each other, and only those for the same id take turns.
//!
//! A statement that fails ends its operation: all that comes after it is refused ([`Error::Failed`]) and nothing is
//! stored. PostgreSQL would have it so, and SQLite is held to it, so that no operation works on one of them alone.
//!
//! An operation must not wait for anything but the database while it holds a [`Tx`]: others wait behind it.
//!
//! # Reading
//!
//! Readers have a pool of their own beside the writers and see what is committed.

mod address;
mod migrations;
mod postgres;
mod sqlite;
mod statement;

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, Postgres, SqlSafeStr, SqlStr, Sqlite};
use uuid::Uuid;

pub use self::address::{Address, BadAddress};
pub use self::statement::{Bundle, Row, Statement, Together, Value, sql, together};

/// Why the database did not do it. Unless it says otherwise, nothing of the operation was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused.
    #[error("database: {0}")]
    Engine(sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The operation, or the batch it shared, could not be committed.
    #[error("commit failed: {0}")]
    Commit(String),
    /// The connection was lost while it committed: it may be stored, or not.
    #[error("the connection to the database was lost while committing: {0}")]
    Doubtful(String),
    /// Too many operations at once, or another holds what this one needs; the next try may go well.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The connection was lost. The next operation gets another one.
    #[error("the connection to the database was lost: {0}")]
    Lost(String),
    /// A statement of this operation failed before, which ended it.
    #[error("the operation has failed already")]
    Failed,
    /// The database is closed.
    #[error("the database is closed")]
    Closed,
    /// Nobody answers there, or not to us.
    #[error("cannot open the database {address}: {reason}")]
    Unreachable {
        /// Where; without secrets.
        address: String,
        /// Why.
        reason: String,
    },
    /// The database is not one we can work with.
    #[error("cannot use the database {address}: {reason}")]
    Unfit {
        /// Which; without secrets.
        address: String,
        /// Why.
        reason: String,
    },
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

    /// Whether the same may go well in a moment: nothing is wrong with the operation itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Lost(_) | Self::Doubtful(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(refusal) = &error {
            let code = refusal.code().unwrap_or_default();
            if postgres::BUSY.contains(&&*code) || sqlite::BUSY.contains(&&*code) {
                return Self::Busy(refusal.message().to_owned());
            }
            if postgres::LOST.contains(&&*code) {
                return Self::Lost(refusal.message().to_owned());
            }
        }
        if matches!(error, sqlx::Error::PoolClosed) {
            Self::Closed
        } else if matches!(error, sqlx::Error::PoolTimedOut) {
            Self::Busy("no connection became free in time".to_owned())
        } else if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed) {
            Self::Lost(error.to_string())
        } else {
            Self::Engine(error)
        }
    }
}

/// What there is where a database should be.
pub enum Look {
    /// One that can be worked with; which.
    Good(String),
    /// Nothing yet, which the first start changes.
    Absent,
}

/// Looks at the database and changes nothing in it, whether somebody works with it or not.
pub async fn look(address: &Address) -> Result<Look, Error> {
    match address {
        Address::File(file) => sqlite::look(address, file).await,
        Address::Postgres(url) => postgres::look(address, url).await.map(Look::Good),
    }
}

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Db(Store);

#[derive(Clone)]
enum Store {
    Sqlite(sqlite::Store),
    Postgres(postgres::Store),
}

impl Db {
    /// Opens (or, if it is a file, makes) the database and brings the schema up to date.
    pub async fn open(address: &Address) -> Result<Self, Error> {
        Ok(Self(match address {
            Address::File(file) => Store::Sqlite(sqlite::Store::open(file).await?),
            Address::Postgres(url) => Store::Postgres(postgres::Store::open(address, url).await?),
        }))
    }

    /// Begins an operation that writes, alone. Dropping it without [`Tx::commit`] undoes it.
    pub async fn begin(&self) -> Result<Tx, Error> {
        match &self.0 {
            Store::Sqlite(store) => Ok(Tx { held: Some(Held::Lent(store.lend().await?)) }),
            Store::Postgres(store) => store.begin(postgres::Turn::Alone).await,
        }
    }

    /// Begins an operation that writes, beside those for other ids, never beside one of [`Db::begin`].
    ///
    /// It may rely on what operations of [`Db::begin`] keep, and on what it reads of rows that only operations for `id`
    /// write. Where two could insert the same, it must say so (`on conflict`).
    pub async fn begin_for(&self, id: impl Into<Uuid>) -> Result<Tx, Error> {
        match &self.0 {
            Store::Sqlite(store) => Ok(Tx { held: Some(Held::Lent(store.lend().await?)) }),
            Store::Postgres(store) => store.begin(postgres::Turn::For(id.into())).await,
        }
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<Reader, Error> {
        match &self.0 {
            Store::Sqlite(store) => store.read().await,
            Store::Postgres(store) => store.read().await,
        }
        .map(Reader)
    }

    /// Lets what is in line finish, then closes the database. Later calls answer [`Error::Closed`].
    pub async fn close(&self) {
        match &self.0 {
            Store::Sqlite(store) => store.close().await,
            Store::Postgres(store) => store.close().await,
        }
    }
}

/// An operation that writes, inside a transaction. Reads see its own writes.
pub struct Tx {
    // None only after it was given back.
    held: Option<Held>,
}

enum Held {
    /// SQLite's one writing connection.
    Lent(sqlite::Lease),
    /// One of PostgreSQL's.
    Own(Conn),
}

impl Tx {
    /// Returns when everything this operation wrote is on disk.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.state == State::Good {
            match self.held.take() {
                Some(Held::Lent(lease)) => lease.commit().await,
                Some(Held::Own(conn)) => postgres::commit(conn).await,
                None => unreachable!("a Tx is used after it was given back"),
            }
        } else {
            Err(Error::Failed)
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        match self.held.take() {
            Some(Held::Lent(lease)) => lease.abandon(),
            Some(Held::Own(conn)) => postgres::abandon(conn),
            None => {}
        }
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        match &self.held {
            Some(Held::Lent(lease)) => lease,
            Some(Held::Own(conn)) => conn,
            // It is taken by `commit` and `drop`, which both own the Tx: nobody can still borrow it.
            None => unreachable!("a Tx is used after it was given back"),
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        match &mut self.held {
            Some(Held::Lent(lease)) => lease,
            Some(Held::Own(conn)) => conn,
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
pub struct Conn {
    link: Link,
    work: Work,
    state: State,
    due: Option<Due>,
}

/// Statements that come before the next one and go to SQLite with it: they answer nothing, and a way of their own
/// would cost more than they do.
#[derive(Clone, Copy)]
struct Due {
    text: &'static str,
    /// How many they are.
    statements: usize,
}

/// The connection of an engine.
enum Link {
    SqliteWriter(SqliteConnection),
    SqliteReader(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// The same, for one statement.
enum Engine<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// What a connection was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Statements, each for itself.
    Reading,
    /// An operation, which stands and falls as one.
    Writing,
}

/// How an operation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// A statement failed.
    Failed,
    /// A statement was not answered: what the connection would say next is anybody's guess.
    Hung,
}

impl Conn {
    fn new(link: Link, work: Work) -> Self {
        Self { link, work, state: State::Good, due: None }
    }

    /// `text` with what is due before it, and how many statements that are.
    fn due_with(&mut self, text: &'static str) -> (SqlStr, usize) {
        match self.due.take() {
            // Both are ours.
            Some(due) => (AssertSqlSafe(format!("{};\n{text}", due.text)).into_sql_str(), due.statements),
            None => (text.into_sql_str(), 0),
        }
    }

    /// Runs what is due.
    async fn settle(&mut self) -> Result<(), Error> {
        self.check()?;
        let Some(due) = self.due.take() else { return Ok(()) };
        let result = match self.engine() {
            Engine::Sqlite(engine) => engine.execute(due.text).await.map(drop).map_err(Error::from),
            Engine::Postgres(_) => unreachable!("only the writer of SQLite leaves something due"),
        };
        self.note(result)
    }

    fn engine(&mut self) -> Engine<'_> {
        match &mut self.link {
            Link::SqliteWriter(connection) => Engine::Sqlite(connection),
            Link::SqliteReader(connection) => Engine::Sqlite(connection),
            Link::Postgres(connection) => Engine::Postgres(connection),
        }
    }

    /// Refuses what comes after a failure.
    fn check(&self) -> Result<(), Error> {
        if self.state == State::Good { Ok(()) } else { Err(Error::Failed) }
    }

    /// Notes how a statement went.
    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() && self.work == Work::Writing && self.state == State::Good {
            self.state = State::Failed;
        }
        result
    }

    fn note_hung(&mut self) {
        self.state = State::Hung;
        if let Link::Postgres(connection) = &mut self.link {
            connection.close_on_drop();
        }
    }
}
