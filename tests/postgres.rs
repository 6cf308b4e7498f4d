//! What is so on PostgreSQL alone: connections that are lost, turns between servers, addresses, the schema.
//!
//! Run by `tests/postgres cargo nextest run --locked --workspace --profile postgres`.

use std::collections::BTreeMap;
use std::time::Duration;

use cromulent::db::{Address, Conn, Db, Error, sql};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor, Row};
use uuid::Uuid;

use crate::database::{fresh, insert, names};
use crate::support::TestServer;
use crate::support::postgres::{OwnServer, PASSWORD, connect, empty, needed, text};

/// The server process behind a connection.
async fn process(conn: &mut Conn) -> i64 {
    let row = sql("select cast(pg_backend_pid() as bigint) as process").one(conn).await.unwrap();
    row.integer("process").unwrap()
}

/// Ends it, as an operator or a dying server does, and waits until it is gone.
async fn end(process: i64) {
    let mut connection = connect(&needed()).await;
    connection.execute(text(format!("select pg_terminate_backend({process}, 10000)"))).await.unwrap();
}

/// Whether `future` is not done yet after a moment in which it could be.
async fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(300), future).await.is_err()
}

#[tokio::test]
async fn a_connection_lost_in_an_operation_ends_that_operation_alone() {
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "lost").await.unwrap();
    end(process(&mut tx).await).await;
    let error = insert(&mut tx, "also lost").await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)) && error.is_passing(), "{error:?}");
    assert!(matches!(tx.commit().await, Err(Error::Failed)));

    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "kept").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names(&db).await, ["kept"]);
}

#[tokio::test]
async fn a_connection_lost_at_the_commit_leaves_a_doubt() {
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "who knows").await.unwrap();
    end(process(&mut tx).await).await;
    let error = tx.commit().await.unwrap_err();
    assert!(matches!(error, Error::Doubtful(_)) && error.is_passing(), "{error:?}");
    assert_eq!(names(&db).await, [""; 0]);
}

#[tokio::test]
async fn connections_lost_while_nobody_used_them_are_not_missed() {
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    let writing = process(&mut tx).await;
    tx.commit().await.unwrap();
    let reading = process(&mut db.read().await.unwrap()).await;
    end(writing).await;
    end(reading).await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "kept").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names(&db).await, ["kept"]);
}

#[tokio::test]
async fn who_writes_alone_waits_for_the_others_and_they_for_him() {
    let (_folder, address, db) = fresh().await;
    let other = Db::open(&address).await.unwrap();
    let [ana, ben] = [Uuid::now_v7(), Uuid::now_v7()];

    let for_ana = db.begin_for(ana).await.unwrap();
    // Beside each other for different ids, in turns for one, also from another server.
    let for_ben = other.begin_for(ben).await.unwrap();
    let mut also_for_ana = Box::pin(other.begin_for(ana));
    let mut alone = Box::pin(other.begin());
    assert!(waits(&mut also_for_ana).await && waits(&mut alone).await);
    for_ana.commit().await.unwrap();
    also_for_ana.await.unwrap().commit().await.unwrap();
    assert!(waits(&mut alone).await);
    for_ben.commit().await.unwrap();

    let alone = alone.await.unwrap();
    let mut for_ben = Box::pin(db.begin_for(ben));
    let mut also_alone = Box::pin(db.begin());
    assert!(waits(&mut for_ben).await && waits(&mut also_alone).await);
    alone.commit().await.unwrap();
    for_ben.await.unwrap().commit().await.unwrap();
    also_alone.await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn who_waited_sees_what_was_committed_meanwhile() {
    let (_folder, address, db) = fresh().await;
    let other = Db::open(&address).await.unwrap();
    let mut first = db.begin().await.unwrap();
    insert(&mut first, "first").await.unwrap();
    let mut second = Box::pin(other.begin());
    assert!(waits(&mut second).await);
    first.commit().await.unwrap();
    let mut second = second.await.unwrap();
    let there = sql("select count(*) as channels from channels").one(&mut second).await.unwrap();
    assert_eq!(there.integer("channels").unwrap(), 1);
    assert!(insert(&mut second, "first").await.unwrap_err().is_duplicate());
}

#[tokio::test]
async fn two_who_insert_the_same_beside_each_other_are_one() {
    let (_folder, _, db) = fresh().await;
    let mut first = db.begin_for(Uuid::now_v7()).await.unwrap();
    let mut second = db.begin_for(Uuid::now_v7()).await.unwrap();
    insert(&mut first, "same").await.unwrap();
    let mut inserting = Box::pin(insert(&mut second, "same"));
    assert!(waits(&mut inserting).await);
    first.commit().await.unwrap();
    assert!(inserting.await.unwrap_err().is_duplicate());
    drop(second);
    assert_eq!(names(&db).await, ["same"]);
}

#[tokio::test]
async fn two_who_wait_for_each_other_are_parted() {
    let (_folder, _, db) = fresh().await;
    let mut first = db.begin_for(Uuid::now_v7()).await.unwrap();
    let mut second = db.begin_for(Uuid::now_v7()).await.unwrap();
    insert(&mut first, "a").await.unwrap();
    insert(&mut second, "b").await.unwrap();
    let (one, other) = tokio::join!(insert(&mut first, "b"), insert(&mut second, "a"));
    // One was ended for the sake of the other, who waits for nothing then but that this one gives up.
    let parted = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(parted.iter().any(|error| matches!(error, Error::Busy(_))), "{parted:?}");
}

#[tokio::test]
async fn who_waits_too_long_is_told_that_the_database_is_busy() {
    let (_folder, _, db) = fresh().await;
    let alone = db.begin().await.unwrap();
    // Seven wait for their turn and have all the other connections; the last waits for a connection.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let db = db.clone();
        waiting.push(tokio::spawn(async move { db.begin_for(Uuid::now_v7()).await.map(drop) }));
    }
    for one in waiting {
        let told = one.await.unwrap();
        assert!(matches!(told, Err(Error::Busy(_))), "{told:?}");
    }
    alone.commit().await.unwrap();
    db.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn an_operation_that_nobody_waits_for_any_more_is_undone() {
    let (_folder, _, db) = fresh().await;
    let alone = db.begin().await.unwrap();
    for _ in 0..10 {
        // Given up while it waits for its turn; more often than there are connections.
        assert!(waits(&mut Box::pin(db.begin())).await);
    }
    alone.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "kept").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names(&db).await, ["kept"]);
}

#[tokio::test]
async fn two_servers_that_start_at_once_make_the_schema_once() {
    let address: Address = empty(&needed(), "").await.parse().unwrap();
    let opened = futures_util::future::join_all((0..4).map(|_| Db::open(&address))).await;
    for db in opened {
        let db = db.unwrap();
        db.begin().await.unwrap().commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_migration_that_changed_is_refused() {
    let text = empty(&needed(), "").await;
    let address: Address = text.parse().unwrap();
    Db::open(&address).await.unwrap().close().await;
    let change = "update _sqlx_migrations set checksum = '\\x00' where version = 2";
    connect(&text).await.execute(change).await.unwrap();
    let refused = Db::open(&address).await.err().unwrap();
    assert!(matches!(refused, Error::Migrate(_)), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_named_without_its_password() {
    let server = needed();
    let port = server.rsplit_once(':').unwrap().1.trim_end_matches("/postgres").to_owned();
    let latin = empty(&server, "encoding 'LATIN1' locale 'C' locale_provider libc").await;
    let told = async |address: &str| Db::open(&address.parse().unwrap()).await.err().unwrap();

    let error = told(&latin).await;
    assert!(matches!(&error, Error::Unfit { reason, .. } if reason.contains("UTF8")), "{error:?}");
    for wrong in [
        server.replace(PASSWORD, "geheim"),
        server.replace(&port, "1"),
        format!("{server}_that_is_not_there"),
        format!("{server}?sslmode=verify-full"),
    ] {
        let error = told(&wrong).await;
        assert!(matches!(error, Error::Unreachable { .. }), "{wrong}: {error:?}");
        let words = format!("{error} {error:?}");
        assert!(!words.contains(PASSWORD) && !words.contains("geheim"), "{words}");
    }
}

#[tokio::test]
async fn the_connection_is_encrypted_and_the_server_proves_who_it_is() {
    let server = OwnServer::start();
    let root = format!("{}/server.crt", server.folder);
    let address = format!("{}?sslmode=verify-full&sslrootcert={root}", server.address);
    let db = Db::open(&address.parse().unwrap()).await.unwrap();
    let row = sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        .one(&mut db.read().await.unwrap())
        .await;
    assert!(row.unwrap().boolean("ssl").unwrap());
    db.close().await;
}

#[tokio::test]
async fn people_go_on_writing_when_the_database_was_restarted() {
    let database = OwnServer::start();
    let address = database.address.parse().unwrap();
    let server = TestServer::with(|settings| settings.database = Some(address)).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    ana.posts("before").await;
    ben.hears_that("before").await;
    database.restart();
    ana.posts("after").await;
    ben.hears_that("after").await;
    assert_eq!(ben.sees_history().await, ["before", "after"]);
    server.stop().await;
}

/// Table, column: type, whether it may be null, place in the primary key.
type Columns = BTreeMap<(String, String), (String, bool, i64)>;

/// Table, columns in order, whether unique.
type Indexes = Vec<(String, Vec<String>, bool)>;

#[tokio::test]
async fn both_engines_end_with_the_same_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    Db::open(&Address::File(file.clone())).await.unwrap().close().await;
    let mut sqlite = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let (_folder, _, db) = fresh().await;

    let (columns, indexes) = schema_of_sqlite(&mut sqlite).await;
    let (their_columns, their_indexes) = schema_of_postgres(&db).await;
    assert!(columns.len() > 20 && indexes.len() > 5, "the schema was not read: {columns:?} {indexes:?}");
    assert_eq!(columns, their_columns);
    assert_eq!(indexes, their_indexes);
}

async fn schema_of_sqlite(sqlite: &mut SqliteConnection) -> (Columns, Indexes) {
    let columns =
        "select t.name as in_table, c.name as name, lower(c.type) as type, c.\"notnull\" as required, c.pk
                   from sqlite_schema t join pragma_table_info(t.name) c
                   where t.type = 'table' and t.name not in ('_sqlx_migrations', 'sqlite_sequence')";
    let columns = sqlx::query(columns).fetch_all(&mut *sqlite).await.unwrap();
    let columns = columns.iter().map(|row| {
        let required = row.get::<i64, _>("required") == 1;
        ((row.get("in_table"), row.get("name")), (row.get("type"), !required, row.get("pk")))
    });
    let columns = columns.collect();
    let indexes =
        "select t.name as in_table, i.name as name, i.\"unique\" as is_unique, c.name as column_name
                   from sqlite_schema t join pragma_index_list(t.name) i join pragma_index_info(i.name) c
                   where t.type = 'table' and t.name <> '_sqlx_migrations' order by t.name, i.name, c.seqno";
    let mut all: BTreeMap<(String, String), (Vec<String>, bool)> = BTreeMap::new();
    for row in sqlx::query(indexes).fetch_all(sqlite).await.unwrap() {
        let index = all.entry((row.get("in_table"), row.get("name"))).or_default();
        index.0.push(row.get("column_name"));
        index.1 = row.get::<i64, _>("is_unique") == 1;
    }
    let mut indexes: Indexes =
        all.into_iter().map(|((table, _), (columns, unique))| (table, columns, unique)).collect();
    indexes.sort();
    (columns, indexes)
}

async fn schema_of_postgres(db: &Db) -> (Columns, Indexes) {
    let mut read = db.read().await.unwrap();
    let columns = sql("select cast(t.relname as text) as in_table, cast(c.attname as text) as name,
                              format_type(c.atttypid, c.atttypmod) as type, c.attnotnull as required,
                              cast(coalesce(array_position(cast(p.indkey as int2[]), c.attnum), -1) as bigint) as place
                       from pg_class t join pg_attribute c on c.attrelid = t.oid
                       left join pg_index p on p.indrelid = t.oid and p.indisprimary
                       where t.relnamespace = cast('public' as regnamespace) and t.relkind = 'r' and c.attnum > 0
                         and not c.attisdropped and t.relname <> '_sqlx_migrations' limit 10000")
    .all(&mut read)
    .await
    .unwrap();
    let columns = columns.iter().map(|row| {
        let text = |column| row.text(column).unwrap();
        // Its arrays of keys count from 0.
        let place = row.integer("place").unwrap() + 1;
        ((text("in_table"), text("name")), (text("type"), !row.boolean("required").unwrap(), place))
    });
    let columns = columns.collect();
    let indexes = sql("select cast(t.relname as text) as in_table, i.indisunique as is_unique,
                              (select string_agg(c.attname, ',' order by k.place)
                               from unnest(cast(i.indkey as int2[])) with ordinality k (number, place)
                               join pg_attribute c on c.attrelid = t.oid and c.attnum = k.number) as names
                       from pg_index i join pg_class t on t.oid = i.indrelid
                       where t.relnamespace = cast('public' as regnamespace) and t.relname <> '_sqlx_migrations'
                       limit 10000")
    .all(&mut read)
    .await
    .unwrap();
    let indexes = indexes.iter().map(|row| {
        let columns = row.text("names").unwrap().split(',').map(str::to_owned).collect();
        (row.text("in_table").unwrap(), columns, row.boolean("is_unique").unwrap())
    });
    let mut indexes: Indexes = indexes.collect();
    indexes.sort();
    (columns, indexes)
}
