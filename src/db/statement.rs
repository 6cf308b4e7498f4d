//! Statements, their parameters and the rows that come back, without the name of an engine.
//!
//! Must never know: how connections are opened or lent.
//! Start with [`sql`].

use std::sync::OnceLock;

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Decode, Either, Executor, Postgres, Row as _, SqlStr, Sqlite, Type};
use uuid::Uuid;

use super::{Conn, Engine, Error, postgres};
use crate::clock::Timestamp;
use crate::id::{CategoryId, ChannelId, GroupId, MessageId, MessageNumber, SessionId, UserId};

/// The statement as the driver of one engine takes it.
macro_rules! query {
    ($engine:ty, $text:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query::<$engine>($text), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Id(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
        })
    };
}

/// A statement, in the words both engines know; parameters are `$1`, `$2` and so on.
pub fn sql(text: &'static str) -> Statement {
    Statement { text, values: Vec::new() }
}

/// Statements that always follow each other and share their parameters. They go to SQLite together, since the way
/// to the thread of a connection and back costs more than most of them; PostgreSQL gets one after the other.
pub struct Together {
    each: &'static [&'static str],
    joined: OnceLock<String>,
}

impl Together {
    /// These, in this order. Each names those of the parameters that it needs.
    pub const fn new(each: &'static [&'static str]) -> Self {
        Self { each, joined: OnceLock::new() }
    }

    fn joined(&'static self) -> &'static str {
        self.joined.get_or_init(|| self.each.join(";\n"))
    }
}

/// All of `statements`, one after the other, with the parameters of all of them. The first that fails ends it.
pub fn together(statements: &'static Together) -> Bundle {
    Bundle { statements, values: Vec::new() }
}

/// Statements with their parameters.
pub struct Bundle {
    statements: &'static Together,
    values: Vec<Value>,
}

impl Bundle {
    /// The next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into().storable());
        self
    }

    /// Runs them; the rows that each of them answers, in order. The statements must bound them.
    pub async fn each(self, conn: &mut Conn) -> Result<Vec<Vec<Row>>, Error> {
        let Self { statements, values } = self;
        conn.check()?;
        let (text, due) = conn.due_with(statements.joined());
        if let Engine::Sqlite(engine) = conn.engine() {
            let result = each_of_sqlite(engine, text, values).await;
            let mut each = conn.note(result.map_err(Error::from))?;
            return Ok(each.split_off(due));
        }
        let mut each = Vec::new();
        for text in statements.each {
            // No more than it has places for: the driver keeps a statement prepared for all who have its text.
            let values = values.iter().take(places(text)).cloned().collect();
            each.push(Statement { text, values }.all(conn).await?);
        }
        Ok(each)
    }
}

/// The highest parameter that a statement names.
fn places(text: &str) -> usize {
    let numbers = text.split('$').skip(1);
    let highest = numbers.filter_map(|rest| {
        let end = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    highest.max().unwrap_or(0)
}

/// The rows of each statement in `text`.
async fn each_of_sqlite(
    engine: &mut SqliteConnection,
    text: SqlStr,
    values: Vec<Value>,
) -> Result<Vec<Vec<Row>>, sqlx::Error> {
    let mut answers = engine.fetch_many(query!(Sqlite, text, values));
    let (mut each, mut rows) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(_) => each.push(std::mem::take(&mut rows)),
            Either::Right(row) => rows.push(Row(Stored::Sqlite(row))),
        }
    }
    Ok(each)
}

/// A statement with its parameters.
pub struct Statement {
    text: &'static str,
    values: Vec<Value>,
}

/// Runs a method of that, and notes how it went.
macro_rules! run {
    ($statement:expr, $conn:expr, $method:ident) => {{
        $conn.check()?;
        let (text, _) = $conn.due_with($statement.text);
        let result = match $conn.engine() {
            Engine::Sqlite(engine) => {
                let done = query!(Sqlite, text, $statement.values).$method(engine).await;
                done.map(Answer::Sqlite).map_err(Error::from)
            }
            Engine::Postgres(engine) => {
                match postgres::answered(query!(Postgres, text, $statement.values).$method(engine)).await {
                    Some(done) => done.map(Answer::Postgres).map_err(Error::from),
                    None => {
                        $conn.note_hung();
                        Err(postgres::silence())
                    }
                }
            }
        };
        $conn.note(result)?
    }};
}

enum Answer<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Statement {
    /// The next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into().storable());
        self
    }

    /// Runs it; how many rows it changed.
    pub async fn execute(self, conn: &mut Conn) -> Result<u64, Error> {
        // Alone, since the driver would add up what all the statements of a text changed.
        conn.settle().await?;
        Ok(match run!(self, conn, execute) {
            Answer::Sqlite(done) => done.rows_affected(),
            Answer::Postgres(done) => done.rows_affected(),
        })
    }

    /// Its only row, if there is one.
    pub async fn optional(self, conn: &mut Conn) -> Result<Option<Row>, Error> {
        Ok(match run!(self, conn, fetch_optional) {
            Answer::Sqlite(row) => row.map(Stored::Sqlite).map(Row),
            Answer::Postgres(row) => row.map(Stored::Postgres).map(Row),
        })
    }

    /// Its only row, of which there is always one (an aggregate).
    pub async fn one(self, conn: &mut Conn) -> Result<Row, Error> {
        Ok(match run!(self, conn, fetch_one) {
            Answer::Sqlite(row) => Row(Stored::Sqlite(row)),
            Answer::Postgres(row) => Row(Stored::Postgres(row)),
        })
    }

    /// All its rows. The statement must bound them.
    pub async fn all(self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        Ok(match run!(self, conn, fetch_all) {
            Answer::Sqlite(rows) => rows.into_iter().map(Stored::Sqlite).map(Row).collect(),
            Answer::Postgres(rows) => rows.into_iter().map(Stored::Postgres).map(Row).collect(),
        })
    }
}

/// A parameter. Null has the type of its column, which PostgreSQL wants to know.
#[derive(Clone)]
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

impl Value {
    /// PostgreSQL's text has no place for the character 0. On both engines it becomes the sign for a character that
    /// cannot be shown, so that what one of them stores the other does too.
    fn storable(self) -> Self {
        match &self {
            Self::Text(Some(text)) if text.contains('\0') => Self::Text(Some(text.replace('\0', "\u{fffd}"))),
            Self::Text(_) | Self::Integer(_) | Self::Id(_) | Self::Bool(_) => self,
        }
    }
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

id_values!(UserId SessionId ChannelId MessageId CategoryId GroupId);

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

/// A row that came back; columns by name. What is computed and not a column has the type that PostgreSQL gives it:
/// `count(*)` is a `bigint`, other things are made one with `cast(… as bigint)`.
pub struct Row(Stored);

enum Stored {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

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
        Ok(Id::from(self.0.try_get::<Uuid>(column)?))
    }

    /// A `uuid` column that may be null.
    pub fn optional_id<Id: From<Uuid>>(&self, column: &str) -> Result<Option<Id>, Error> {
        Ok(self.0.try_get::<Option<Uuid>>(column)?.map(Id::from))
    }

    /// A `boolean` column.
    pub fn boolean(&self, column: &str) -> Result<bool, Error> {
        Ok(self.0.try_get(column)?)
    }
}

impl Stored {
    fn try_get<T>(&self, column: &str) -> Result<T, sqlx::Error>
    where
        for<'r> T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn the_highest_parameter_is_found_wherever_it_stands() {
        for (text, places_there) in
            [("select 1", 0), ("select $1", 1), ("where a = $12 and b in ($3, $4)", 12), ("$2 $", 2)]
        {
            assert_eq!(places(text), places_there, "{text}");
        }
    }
}
