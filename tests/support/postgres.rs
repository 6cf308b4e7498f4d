//! Databases on the server that `tests/postgres` started, and servers of one's own to restart.

use std::path::Path;
use std::process::Command;

use cromulent::db::{Address, Db};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

/// What `tests/postgres` asks for.
pub const PASSWORD: &str = "only-for-tests";

/// The server, if the stories are told on PostgreSQL.
pub fn server() -> Option<String> {
    std::env::var("CROMULENT_TEST_POSTGRES").ok()
}

/// The server, in a story that needs one.
pub fn needed() -> String {
    server().expect(
        "this story needs PostgreSQL: tests/postgres cargo nextest run --workspace --profile postgres",
    )
}

/// The database that belongs to this folder; made with its tables at the first time. None on SQLite.
pub fn database_of(folder: &Path) -> Option<String> {
    server().map(|server| {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let name = format!("story_{:016x}", hasher.finish());
        // A runtime of its own: some who ask have none, and others are in one.
        let making = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(copy_of_template(&server, &name))
        });
        making.join().unwrap()
    })
}

/// One that nobody has, without tables.
pub async fn empty(server: &str, kind: &str) -> String {
    let name = format!("empty_{}", uuid::Uuid::now_v7().simple());
    connect(server)
        .await
        .execute(text(format!("create database {name} template template0 {kind}")))
        .await
        .unwrap();
    in_database(server, &name)
}

/// A connection for what no server of ours would do.
pub async fn connect(address: &str) -> PgConnection {
    PgConnection::connect(address).await.unwrap()
}

/// Every row of every table, as text.
pub async fn rows_of(address: &str) -> String {
    let mut connection = connect(address).await;
    let tables = sqlx::query("select tablename::text as name from pg_tables where schemaname = 'public'");
    let mut rows = String::new();
    for table in tables.fetch_all(&mut connection).await.unwrap() {
        let name: String = table.get("name");
        let all = text(format!("select coalesce(string_agg(t::text, ' '), '') as rows from {name} t"));
        rows += &sqlx::query(all).fetch_one(&mut connection).await.unwrap().get::<String, _>("rows");
    }
    rows
}

/// A statement that is put together.
pub fn text(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// Migrated once; every story gets a copy.
async fn copy_of_template(server: &str, name: &str) -> String {
    let mut connection = connect(server).await;
    // One at a time: a database can be copied only while nobody is connected to it.
    connection.execute("select pg_advisory_lock(1)").await.unwrap();
    if !exists(&mut connection, "stories").await {
        connection.execute("create database stories_half_made").await.unwrap();
        let address: Address = in_database(server, "stories_half_made").parse().unwrap();
        Db::open(&address).await.unwrap().close().await;
        connection.execute("alter database stories_half_made rename to stories").await.unwrap();
    }
    if !exists(&mut connection, name).await {
        connection.execute(text(format!("create database {name} template stories"))).await.unwrap();
    }
    connection.close().await.unwrap();
    in_database(server, name)
}

async fn exists(connection: &mut PgConnection, name: &str) -> bool {
    let count = sqlx::query("select count(*) as there from pg_database where datname = $1").bind(name);
    count.fetch_one(connection).await.unwrap().get::<i64, _>("there") > 0
}

fn in_database(server: &str, name: &str) -> String {
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// A server of one's own, for stories in which it goes away.
pub struct OwnServer {
    pub folder: String,
    pub address: String,
}

impl OwnServer {
    pub fn start() -> Self {
        needed();
        let said = script(&["--start"]);
        let (folder, address) = said.trim().split_once(' ').unwrap();
        Self { folder: folder.to_owned(), address: address.to_owned() }
    }

    /// Ends every connection, and comes back on the same port.
    pub fn restart(&self) {
        script(&["--restart", &self.folder]);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        script(&["--remove", &self.folder]);
    }
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
