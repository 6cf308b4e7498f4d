//! SQLite: one file, one writing connection, readers beside it.
//!
//! Must never know: what the operations do.
//! Start with [`Store::open`], then `lend`.
//!
//! SQLite takes one writer at a time, so one task owns the one writing connection and lends it to one
//! operation after the other ([`Lease`]). Operations that wait in line share a commit: each runs in a savepoint of
//! its own inside one transaction, and all are answered when that is on disk (`synchronous = full`). An
//! operation that fails or is dropped rolls back alone. Thereby there is no `SQLITE_BUSY`, and a durable
//! commit costs one sync per batch instead of one per message.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::{Address, Conn, Due, Engine, Error, Link, Look, State, Work, migrations};

/// Connections that only read. More would not read faster on the two cores we aim at.
const READERS: u32 = 4;

/// Operations that may share one commit. Larger batches gained nothing when measured and make the first wait.
const BATCH: usize = 64;

/// Operations that may wait for the writer. When as many wait, the next caller waits to be let in line:
/// sockets handle one request at a time, so the pressure reaches the clients.
const LINE: usize = 1024;

/// How long SQLite waits for a lock that another process (a backup, a console) holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared: all that run all day, also behind the end of another operation.
const PREPARED: usize = 256;

/// What SQLite says when that was not long enough (`SQLITE_BUSY` and its kinds, `SQLITE_LOCKED`).
pub(super) const BUSY: [&str; 5] = ["5", "261", "517", "773", "6"];

/// An open file.
#[derive(Clone)]
pub(super) struct Store {
    readers: SqlitePool,
    writer: mpsc::Sender<Ask>,
}

impl Store {
    /// Opens (or makes) the database file, readable by its owner alone, and brings the schema up to date.
    pub(super) async fn open(file: &Path) -> Result<Self, Error> {
        make_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten, not only forgotten.
            .pragma("secure_delete", "on")
            // What a savepoint or a statement would need to be undone stays in memory: every operation has a savepoint,
            // and would write the pages it is about to change to a file of their own first.
            .pragma("temp_store", "memory")
            .foreign_keys(true)
            .statement_cache_capacity(PREPARED)
            .busy_timeout(PATIENCE);
        let mut writing = SqliteConnection::connect_with(&options).await?;
        migrations::all().run(&mut writing).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        let (writer, line) = mpsc::channel(LINE);
        tokio::spawn(lend(Conn::new(Link::SqliteWriter(writing), Work::Writing), line));
        Ok(Self { readers, writer })
    }

    /// The writing connection, when it is this operation's turn.
    pub(super) async fn lend(&self) -> Result<Lease, Error> {
        let (ask, lease) = oneshot::channel();
        self.writer.send(Ask::Lend(ask)).await.map_err(|_| Error::Closed)?;
        lease.await.map_err(|_| Error::Closed)
    }

    pub(super) async fn read(&self) -> Result<Conn, Error> {
        Ok(Conn::new(Link::SqliteReader(self.readers.acquire().await?), Work::Reading))
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(Ask::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        self.readers.close().await;
    }
}

/// Looks at a file that may be in use.
pub(super) async fn look(address: &Address, file: &Path) -> Result<Look, Error> {
    let unfit = |reason: String| Error::Unfit { address: address.to_string(), reason };
    if !file.try_exists().map_err(|source| Error::File { path: file.display().to_string(), source })? {
        return Ok(Look::Absent);
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(PATIENCE);
    let mut reading = SqliteConnection::connect_with(&options).await?;
    let newest: i64 = sqlx::query_scalar("select max(version) from _sqlx_migrations")
        .fetch_one(&mut reading)
        .await
        .map_err(|error| unfit(format!("it is not one of ours, or damaged ({error})")))?;
    let _ = reading.close().await;
    let known = migrations::all().iter().map(|migration| migration.version).max().unwrap_or_default();
    match newest {
        newer if newer > known => {
            Err(unfit(format!("a newer version wrote it ({newer}, this one knows {known})")))
        }
        older if older < known => {
            Ok(Look::Good(format!("SQLite, at {older}; the next start brings it to {known}")))
        }
        _ => Ok(Look::Good("SQLite, up to date".to_owned())),
    }
}

enum Ask {
    Lend(oneshot::Sender<Lease>),
    Close(oneshot::Sender<()>),
}

/// The writing connection in the hands of one operation.
pub(super) struct Lease {
    conn: Conn,
    back: oneshot::Sender<(Conn, Outcome)>,
}

impl Lease {
    /// Returns when the batch is on disk.
    pub(super) async fn commit(self) -> Result<(), Error> {
        let (done, committed) = oneshot::channel();
        self.give_back(Outcome::Commit(done));
        match committed.await {
            Ok(result) => result.map_err(Error::Commit),
            Err(_) => Err(Error::Closed),
        }
    }

    /// Undoes what the operation did.
    pub(super) fn abandon(self) {
        self.give_back(Outcome::Abandon);
    }

    fn give_back(self, outcome: Outcome) {
        // The task on the other side waits for exactly this; if it is gone the connection closes here.
        let _ = self.back.send((self.conn, outcome));
    }
}

impl Deref for Lease {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
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
                if let Link::SqliteWriter(connection) = conn.link {
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

/// What is done around the operations of a batch. Their savepoints have two names by turns: when the text that ends one
/// and begins the next fails, the name that is there tells which of both did.
struct Turn {
    /// It is kept, and the next one begins in the other turn.
    next: Due,
    /// It is undone, and its savepoint is as new.
    undo: &'static str,
    /// It is kept, and was the last one.
    last: &'static str,
    /// It is undone, and was the last one.
    last_undone: &'static str,
}

const BEGIN: &str = "begin immediate; savepoint even";

const TURNS: [Turn; 2] = [
    Turn {
        next: Due { text: "release even; savepoint odd", statements: 2 },
        undo: "rollback to even",
        last: "release even; commit",
        last_undone: "rollback to even; release even; commit",
    },
    Turn {
        next: Due { text: "release odd; savepoint even", statements: 2 },
        undo: "rollback to odd",
        last: "release odd; commit",
        last_undone: "rollback to odd; release odd; commit",
    },
];

/// One commit: `first` and whoever else is in line by then. The connection comes back, or is lost for good.
///
/// The way to the thread of the connection and back costs more than what is done there, so the end of one
/// operation and the beginning of the next go with the first statement of the next.
async fn run_batch(
    mut conn: Conn,
    first: oneshot::Sender<Lease>,
    line: &mut mpsc::Receiver<Ask>,
) -> Option<Conn> {
    if let Err(error) = run(&mut conn, BEGIN).await {
        // Nobody was lent anything: `first` is dropped here and its caller sees `Error::Closed`.
        tracing::error!(%error, "cannot begin to write");
        // Best effort: if there is no transaction, this says so and nothing else.
        let _ = run(&mut conn, "rollback").await;
        return Some(conn);
    }
    let mut done = Vec::new();
    let mut close = None;
    let mut next = Some(first);
    let mut ended = Ok(());
    let mut turn = 0;
    while let Some(ask) = next.take() {
        let (back, returned) = oneshot::channel();
        let (returned, outcome) = match ask.send(Lease { conn, back }) {
            // It stopped waiting in the meantime.
            Err(lease) => (lease.conn, Outcome::Abandon),
            Ok(()) => returned.await.ok()?,
        };
        conn = returned;
        conn.state = State::Good;
        let mut kept = match outcome {
            Outcome::Commit(answer) => {
                done.push(answer);
                true
            }
            Outcome::Abandon => false,
        };
        if conn.due.take().is_some() {
            // It ran nothing: all is as the one before left it, which is kept.
            (kept, turn) = (true, 1 - turn);
        }
        if done.len() < BATCH {
            match line.try_recv() {
                Ok(Ask::Lend(ask)) => next = Some(ask),
                Ok(Ask::Close(ask)) => close = Some(ask),
                Err(_) => {}
            }
        }
        let Turn { next: begin_next, undo, last, last_undone } = &TURNS[turn];
        ended = match (kept, &next) {
            (true, Some(_)) => {
                conn.due = Some(*begin_next);
                turn = 1 - turn;
                Ok(())
            }
            (true, None) => run(&mut conn, last).await,
            (false, Some(_)) => run(&mut conn, undo).await,
            (false, None) => run(&mut conn, last_undone).await,
        };
        if ended.is_err() {
            // Whoever would have been next is told that nothing was written for them.
            break;
        }
    }
    let result = ended.map_err(|error| error.to_string());
    if let Err(error) = &result {
        tracing::error!(%error, operations = done.len(), "a batch could not be committed");
        // Best effort: if there is no transaction any more, this says so and nothing else.
        let _ = run(&mut conn, "rollback").await;
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

async fn run(conn: &mut Conn, text: &'static str) -> Result<(), sqlx::Error> {
    match conn.engine() {
        Engine::Sqlite(engine) => engine.execute(text).await.map(drop),
        Engine::Postgres(_) => unreachable!("only connections to SQLite are lent"),
    }
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
    use crate::db::{Address, Db};

    #[tokio::test]
    async fn the_file_and_its_companions_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Address::File(folder.path().join("test.db"))).await.unwrap();
        db.begin().await.unwrap().commit().await.unwrap();
        let mut files = 0;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            files += 1;
        }
        assert!(files > 1, "the companions are not there");
    }
}
