//! PostgreSQL: pools of connections, turns, time limits.
//!
//! Must never know: what the operations do.
//! Start with [`Store::begin`].
//!
//! # Turns, and why *read committed*
//!
//! Operations are written for SQLite's promise that nobody else writes meanwhile: they look whether there is an
//! admin and then make one, they count and then insert. *Serializable* would keep that promise by refusing one of two
//! that touch the same page of an index, which for people who write in one channel is the rule and not the exception,
//! and each of them would have to be run again. So the promise is kept by a lock of the database (advisory, until the
//! end of the transaction): [`Turn::Alone`] takes it for itself, [`Turn::For`] shares it and takes another one for
//! its id. It holds between servers as well. PostgreSQL serves those who wait in the order they came, so nobody
//! starves, and lets go of the lock only after the commit is on disk and seen by all.
//!
//! *Read committed*, because each statement then sees all that was committed before it began, and the first one begins
//! when the turn is there. A snapshot of the whole transaction would be older than the turn.
//!
//! # Limits
//!
//! Connections are few, since each is a process of the server; more operations wait in line, in order, for [`WAIT`] at
//! most, as they do for a turn ([`Error::Busy`]). A statement, and an operation that says nothing, are ended by the
//! server; a server that does not answer at all is given up after [`PATIENCE`]. A lost connection ends one operation
//! ([`Error::Lost`]) and the next gets a new one, also after the server was away for less than [`WAIT`].

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Row as _, SqlSafeStr, SqlStr};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::address::{Address, Url};
use super::{Conn, Engine, Error, Held, Link, State, Tx, Work, migrations};

/// Connections that write, of each server of ours. While one waits for the disk the others work.
const WRITERS: u32 = 8;

/// Connections that only read. With the writers a sixth of the hundred that PostgreSQL allows by default.
const READERS: u32 = 8;

/// How long an operation waits for a connection, and then for its turn. Whoever asked has long looked at a page that
/// does nothing by then.
const WAIT: Duration = Duration::from_secs(10);

/// How long a statement may run, and an operation say nothing. All of ours take milliseconds.
const STATEMENT: Duration = Duration::from_secs(30);

/// How long an answer may take before the connection is given up: longer than the server allows itself.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a server that starts waits for another one that is changing the schema.
const MIGRATION: Duration = Duration::from_secs(300);

/// The oldest release that we test with.
const OLDEST: u32 = 15;

/// The lock of those who write, and the class of the locks of ids. Any numbers; ours since the first release.
const ALL: i64 = 0x6372_6f6d_756c_656e;
const IDS: i32 = 0x6372_6f6d;

/// What the server says when another holds what is needed for too long, when two hold what the other needs, when a
/// statement takes too long, and when there are too many connections.
pub(super) const BUSY: [&str; 5] = ["55P03", "40P01", "40001", "57014", "53300"];

/// What it says when it ends the connection, and when it starts or stops.
pub(super) const LOST: [&str; 9] =
    ["57P01", "57P02", "57P03", "57P05", "25P03", "08000", "08003", "08006", "08P01"];

/// Open pools.
#[derive(Clone)]
pub(super) struct Store {
    writers: PgPool,
    readers: PgPool,
}

/// Beside whom an operation may write.
pub(super) enum Turn {
    /// Nobody.
    Alone,
    /// All but those for this id, and those who write alone.
    For(Uuid),
}

impl Store {
    /// Looks whether the database is fit, brings the schema up to date, and opens the pools.
    pub(super) async fn open(address: &Address, Url(options): &Url) -> Result<Self, Error> {
        let options = PgConnectOptions::clone(options).application_name("cromulent");
        let unreachable = |reason: String| Error::Unreachable { address: address.to_string(), reason };
        let waiting = [("lock_timeout", millis(MIGRATION))];
        let patient = options.clone().options(waiting);
        let mut first = match tokio::time::timeout(WAIT, PgConnection::connect_with(&patient)).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(unreachable("no answer".to_owned())),
        };
        check(&mut first).await?.map_err(|reason| Error::Unfit { address: address.to_string(), reason })?;
        migrations::all().run(&mut first).await?;
        order_by_bytes(&mut first).await?;
        // A failed goodbye loses nothing.
        let _ = first.close().await;

        let limits = [
            ("lock_timeout", millis(WAIT)),
            ("statement_timeout", millis(STATEMENT)),
            ("idle_in_transaction_session_timeout", millis(STATEMENT)),
        ];
        let options = options.options(limits);
        let pool = |size, options: PgConnectOptions| {
            PgPoolOptions::new().max_connections(size).acquire_timeout(WAIT).connect_lazy_with(options)
        };
        Ok(Self {
            readers: pool(READERS, options.clone().options([("default_transaction_read_only", "on")])),
            writers: pool(WRITERS, options),
        })
    }

    /// Begins a transaction, when it is this operation's turn.
    pub(super) async fn begin(&self, turn: Turn) -> Result<Tx, Error> {
        let conn = Conn::new(Link::Postgres(self.writers.acquire().await?), Work::Writing);
        // From here on it is ended properly, whatever happens.
        let mut tx = Tx { held: Some(Held::Own(conn)) };
        let begin = match turn {
            Turn::Alone => {
                format!("begin isolation level read committed; select pg_advisory_xact_lock({ALL})")
            }
            Turn::For(id) => format!(
                "begin isolation level read committed; select pg_advisory_xact_lock_shared({ALL}); \
                 select pg_advisory_xact_lock({IDS}, {})",
                lock_of(id)
            ),
        };
        // Numbers of ours, no text of anybody.
        let begun = answered(run(&mut tx, AssertSqlSafe(begin).into_sql_str())).await;
        match begun {
            Some(begun) => begun?,
            None => {
                tx.note_hung();
                return Err(silence());
            }
        }
        Ok(tx)
    }

    pub(super) async fn read(&self) -> Result<Conn, Error> {
        Ok(Conn::new(Link::Postgres(self.readers.acquire().await?), Work::Reading))
    }

    /// Waits for everybody who has a connection.
    pub(super) async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
    }
}

/// Commits, and says what is known when that fails.
pub(super) async fn commit(mut conn: Conn) -> Result<(), Error> {
    let committed = answered(run(&mut conn, "commit".into_sql_str())).await;
    let Some(committed) = committed else {
        conn.note_hung();
        return Err(Error::Doubtful("no answer in time".to_owned()));
    };
    match committed.map_err(Error::from) {
        Ok(()) => Ok(()),
        Err(Error::Lost(reason)) => Err(Error::Doubtful(reason)),
        // It answered, and it was no.
        Err(error) => Err(Error::Commit(error.to_string())),
    }
}

/// Undoes what the operation did, beside everything else, and gives the connection back.
pub(super) fn abandon(mut conn: Conn) {
    if conn.state == State::Hung {
        return;
    }
    // Without a runtime there is nothing left to give it back to; the server undoes it when the connection ends.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if answered(run(&mut conn, "rollback".into_sql_str())).await.is_none() {
                conn.note_hung();
            }
        });
    }
}

/// The answer, unless none comes.
pub(super) async fn answered<T>(answer: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, answer).await.ok()
}

/// What is told when none came.
pub(super) fn silence() -> Error {
    Error::Lost("no answer in time".to_owned())
}

async fn run(conn: &mut Conn, text: SqlStr) -> Result<(), sqlx::Error> {
    match conn.engine() {
        Engine::Postgres(engine) => engine.execute(text).await.map(drop),
        Engine::Sqlite(_) => unreachable!("only connections to PostgreSQL come here"),
    }
}

/// Looks at a database that may be in use; what it is.
pub(super) async fn look(address: &Address, Url(options): &Url) -> Result<String, Error> {
    let unreachable = |reason: String| Error::Unreachable { address: address.to_string(), reason };
    let options = PgConnectOptions::clone(options).application_name("cromulent doctor");
    let mut connection = match tokio::time::timeout(WAIT, PgConnection::connect_with(&options)).await {
        Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?,
        Err(_) => return Err(unreachable("no answer".to_owned())),
    };
    check(&mut connection).await?.map_err(|reason| Error::Unfit { address: address.to_string(), reason })?;
    let version = connection.server_version_num().unwrap_or(0) / 10_000;
    let _ = connection.close().await;
    Ok(format!("PostgreSQL {version}"))
}

/// Ids that share a lock take turns needlessly, and nothing else; their last bytes are random.
fn lock_of(id: Uuid) -> i32 {
    let [.., a, b, c, d] = *id.as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

/// Whether we can work with it, or else why not.
async fn check(connection: &mut PgConnection) -> Result<Result<(), String>, Error> {
    let version = connection.server_version_num().unwrap_or(0) / 10_000;
    if version < OLDEST {
        return Ok(Err(format!("PostgreSQL {OLDEST} or newer is needed, this is {version}")));
    }
    let row =
        sqlx::query("select current_setting('server_encoding') as encoding").fetch_one(connection).await?;
    let encoding: String = row.try_get("encoding")?;
    if encoding != "UTF8" {
        return Ok(Err(format!("its encoding must be UTF8, not {encoding}")));
    }
    Ok(Ok(()))
}

/// Makes text compare byte by byte, as it does in SQLite, whatever language the database was made for: the same
/// order everywhere, and no index that breaks when the system learns another order.
async fn order_by_bytes(connection: &mut PgConnection) -> Result<(), Error> {
    let mut tx = connection.begin().await?;
    // Two servers may start at once.
    tx.execute(AssertSqlSafe(format!("select pg_advisory_xact_lock({ALL})"))).await?;
    let rows = sqlx::query(
        "select format('alter table %I.%I alter column %I type text collate \"C\"',
                       n.nspname, t.relname, c.attname) as change
         from pg_attribute c join pg_class t on t.oid = c.attrelid join pg_namespace n on n.oid = t.relnamespace
         where n.nspname = current_schema() and t.relkind = 'r' and t.relname <> '_sqlx_migrations'
           and c.attnum > 0 and not c.attisdropped and c.atttypid = 'text'::regtype
           and c.attcollation <> '\"C\"'::regcollation
         order by t.relname, c.attnum",
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in rows {
        // PostgreSQL wrote it, with names out of our migrations.
        tx.execute(AssertSqlSafe(row.try_get::<String, _>("change")?)).await?;
    }
    tx.commit().await?;
    Ok(())
}
