//! Where the database is: a file, or a server of PostgreSQL.
//!
//! Must never know: how it is opened. An address may hold a password, so neither `Debug` nor `Display` tells it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// Where the database is.
#[derive(Clone)]
pub enum Address {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(Url),
}

/// What `postgres://user:password@host:port/database?parameters` says.
#[derive(Clone)]
pub struct Url(pub(super) Box<PgConnectOptions>);

/// Why it is no address. Never repeats what was given: it may hold a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAddress {
    /// Nothing.
    #[error("the database has no name")]
    Empty,
    /// Another kind of database.
    #[error("a database is a file, `sqlite:FILE` or `postgres://USER:PASSWORD@HOST:PORT/NAME`")]
    UnknownKind,
    /// Not the form of such an address.
    #[error("the address of the database is malformed: {0}")]
    Malformed(String),
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text)
                .map_err(|error| BadAddress::Malformed(without_value(&error)))?;
            return match options.get_database() {
                Some(_) => Ok(Self::Postgres(Url(Box::new(options)))),
                None => Err(BadAddress::Malformed("it names no database".to_owned())),
            };
        }
        let file = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => return Err(BadAddress::UnknownKind),
            None => text,
        };
        if file.is_empty() { Err(BadAddress::Empty) } else { Ok(Self::File(file.into())) }
    }
}

/// The kind of mistake alone: whoever parses may repeat what he could not parse.
fn without_value(error: &sqlx::Error) -> String {
    let sqlx::Error::Configuration(source) = error else { return "it cannot be read".to_owned() };
    match source.to_string() {
        // These name the mistake and nothing of the text.
        known if known.starts_with("invalid port") || known.starts_with("empty host") => known,
        _ => "it cannot be read; characters such as @ : / % in a password are written as %40 %3A %2F %25"
            .to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Postgres(Url(options)) => {
                let name = options.get_database().unwrap_or_default();
                match options.get_socket() {
                    Some(socket) => write!(f, "postgres:{}/{name}", socket.display()),
                    None => write!(f, "postgres://{}:{}/{name}", options.get_host(), options.get_port()),
                }
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match text.parse() {
            Ok(Address::File(file)) => format!("file {}", file.display()),
            Ok(address @ Address::Postgres(_)) => address.to_string(),
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn a_path_a_sqlite_address_and_a_postgres_address_are_told_apart() {
        assert_eq!(parsed("data/chat.db"), "file data/chat.db");
        assert_eq!(parsed("sqlite:chat.db"), "file chat.db");
        assert_eq!(parsed("sqlite:///var/chat.db"), "file /var/chat.db");
        assert_eq!(parsed("postgres://ana:pw@db:6000/chat"), "postgres://db:6000/chat");
        assert_eq!(parsed("postgresql://db/chat?sslmode=require"), "postgres://db:5432/chat");
        assert_eq!(parsed("postgres:///chat?host=/run/postgresql"), "postgres:/run/postgresql/chat");
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for bad in [
            "",
            "sqlite:",
            "mysql://ana:geheim@db/chat",
            "postgres://ana:geheim@db",
            "postgres://ana:geh/eim@db/chat",
            "postgres://ana:geheim@db:port/chat",
            "postgres://ana:x@db/chat?sslmode=geheim",
            "postgres://ana:x@db/chat?port=geheim",
        ] {
            let told = parsed(bad);
            assert!(told.starts_with("refused") && !told.contains("geh"), "{bad}: {told}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: Address = "postgres://ana:geheim@db/chat?password=geheim".parse().unwrap();
        assert!(!format!("{address} {address:?}").contains("geheim"));
    }
}
