//! Every setting, its default and the reason for it; the only reader of the command line and the environment.
//!
//! A value comes from the first of: a flag, an environment variable (`CROMULENT_` and the flag in capitals),
//! the configuration file, the default. The file is TOML with the flags' names as keys; a key that is not a
//! setting is refused by name.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::db::Address;
use crate::fetch::reach::Network;
use crate::turn;

/// A voice-first chat server: one process, one binary, one address.
///
/// Without a command it serves. Open the address it prints; the first start also prints a one-time link that
/// makes the first admin.
#[derive(Debug, Parser)]
#[command(name = "cromulent", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, which is what happens without a command.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the same as no command)
    Serve(Box<Settings>),
    /// Print a one-time link that replaces somebody's forgotten password, also while the server runs
    ResetLink(Box<ResetLink>),
    /// Look at this machine and at the way to it, and say what would keep people from talking; changes nothing
    Doctor(Box<Doctor>),
    /// Measure this machine
    #[command(subcommand)]
    Bench(crate::bench::Bench),
}

/// Whose password is forgotten, on which server.
#[derive(Debug, Args)]
pub struct ResetLink {
    /// Their user name
    pub name: String,
    /// Where the server has its data, as it was told itself.
    #[command(flatten)]
    pub settings: Settings,
}

/// What is looked at.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The server, as it is told itself.
    #[command(flatten)]
    pub settings: Settings,
    /// Print one JSON object. By default lines, for people
    #[arg(long)]
    pub json: bool,
}

/// The commands that take settings.
const WITH_SETTINGS: [&str; 3] = ["serve", "reset-link", "doctor"];

/// Everything an operator may set.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// TOML file with any of these settings, named as the flags
    #[arg(long, env = "CROMULENT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Address of the page and its socket. Loopback, because plain HTTP carries passwords: put a TLS proxy before it
    #[arg(long, env = "CROMULENT_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address people type, when it is not the one above, as in `https://chat.example.org`. Decides whether cookies are
    /// marked secure, which Origin is ours and what the setup link says
    #[arg(long, env = "CROMULENT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Folder of what is kept. Made with mode 0700: it holds everything anybody ever wrote here
    #[arg(long, env = "CROMULENT_DATA_DIR", value_name = "FOLDER", default_value = "data")]
    pub data_dir: PathBuf,

    /// The database: a file of SQLite, or `postgres://USER:PASSWORD@HOST:PORT/NAME` of PostgreSQL 15 or newer. By
    /// default `cromulent.db` in the data folder, since that needs nothing else. Other users of the machine see flags:
    /// an address with a password belongs into the file or the environment
    #[arg(long, env = "CROMULENT_DATABASE", value_name = "FILE or URL", value_parser = AddressParser,
          hide_env_values = true, hide_default_value = true)]
    pub database: Option<Address>,

    /// What people call this server
    #[arg(long, env = "CROMULENT_SERVER_NAME", value_name = "NAME", default_value = "Cromulent")]
    pub server_name: String,

    /// Whether there is voice at all. Admins decide it in the page (at first: on), unless it is given here; what is given
    /// here holds, and the page says so. The same is true of `registration`, `link-previews` and `email-confirmation`
    #[arg(long, env = "CROMULENT_VOICE", value_enum)]
    pub voice: Option<Switch>,

    /// Whether anybody who can open the page may make an account. Admins decide it in the page (at first: open, since who
    /// can reach it is decided by `listen`), unless it is given here
    #[arg(long, env = "CROMULENT_REGISTRATION", value_enum)]
    pub registration: Option<Registration>,

    /// Whether the server looks what is behind links that people post, and shows it. Admins decide it in the page (at
    /// first: on), unless it is given here
    #[arg(long, env = "CROMULENT_LINK_PREVIEWS", value_enum)]
    pub link_previews: Option<Switch>,

    /// Whether an account begins only when the owner of its e-mail address answered a mail. Needs `smtp-host`. Accounts
    /// that never answered one are locked out until they do. Admins decide it in the page (at first: off), unless it is
    /// given here
    #[arg(long, env = "CROMULENT_EMAIL_CONFIRMATION", value_enum)]
    pub email_confirmation: Option<EmailConfirmation>,

    /// Mail server, for forgotten passwords and confirmations. Without one an admin hands out links for new passwords
    #[arg(long, env = "CROMULENT_SMTP_HOST", value_name = "HOST")]
    pub smtp_host: Option<String>,

    /// Port of the mail server; by default 465 with implicit TLS, 587 with STARTTLS, 25 without
    #[arg(long, env = "CROMULENT_SMTP_PORT", value_name = "PORT")]
    pub smtp_port: Option<u16>,

    /// How the way to the mail server is secured. Whom to trust, the system's certificates say
    #[arg(long, env = "CROMULENT_SMTP_TLS", value_enum, default_value = "implicit")]
    pub smtp_tls: SmtpTls,

    /// Name to sign in with at the mail server, if it wants one
    #[arg(long, env = "CROMULENT_SMTP_USER", value_name = "NAME", requires = "smtp_password_file")]
    pub smtp_user: Option<String>,

    /// File with the password for it. A file, since flags and the environment are seen by others
    #[arg(long, env = "CROMULENT_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,

    /// Who writes the mails, as in `Cromulent <chat@example.org>`; by default `cromulent` at the mail server's name
    #[arg(long, env = "CROMULENT_MAIL_FROM", value_name = "SENDER")]
    pub mail_from: Option<String>,

    /// Which pictures people may show. Pictures lie on other servers, which then learn who looks at them
    #[arg(long, env = "CROMULENT_AVATARS", value_enum, default_value = "initials")]
    pub avatars: Avatars,

    /// Networks that previews of hyperlinks may be fetched from beside the public internet, separated by commas, as in
    /// `10.1.0.0/16`. None, since whoever may write could have this machine ask its neighbours
    #[arg(long, env = "CROMULENT_PREVIEWS_ALLOW", value_name = "NETWORK", value_delimiter = ',')]
    pub previews_allow: Vec<Network>,

    /// Ports that previews may be fetched from, separated by commas. Those of the web: behind others are things that were
    /// not made to be asked by strangers
    #[arg(
        long,
        env = "CROMULENT_PREVIEWS_PORTS",
        value_name = "PORT",
        value_delimiter = ',',
        default_value = "80,443"
    )]
    pub previews_ports: Vec<u16>,

    /// Days a sign-in lasts
    #[arg(long, env = "CROMULENT_SESSION_DAYS", value_name = "DAYS", default_value = "60",
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub session_days: u16,

    /// First port of voice, UDP and TCP; each worker takes one, counting up. 0 takes free ones
    #[arg(long, env = "CROMULENT_VOICE_PORT", value_name = "PORT", default_value = "8081")]
    pub voice_port: u16,

    /// Threads that forward voice, and so ports. 0 means one per core: a packet never waits for another thread
    #[arg(long, env = "CROMULENT_VOICE_WORKERS", value_name = "N", default_value = "0",
          value_parser = clap::value_parser!(u16).range(0..=256))]
    pub voice_workers: u16,

    /// Addresses of this machine that voice listens on, separated by commas. By default 127.0.0.1 and all its own:
    /// Firefox never uses loopback, and other machines cannot
    #[arg(long, env = "CROMULENT_VOICE_ADDRESSES", value_name = "IP", value_delimiter = ',')]
    pub voice_addresses: Vec<IpAddr>,

    /// Public address of this machine when it stands behind NAT; offered in place of its own
    #[arg(long, env = "CROMULENT_VOICE_PUBLIC_ADDRESS", value_name = "IP")]
    pub voice_public_address: Option<IpAddr>,

    /// First port of voice at the public address, where the NAT (or a container) gives the ports other numbers; each
    /// worker has one, counting up. By default they are the same
    #[arg(long, env = "CROMULENT_VOICE_PUBLIC_PORT", value_name = "PORT", requires = "voice_public_address",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub voice_public_port: Option<u16>,

    /// Relays (TURN) for pages that no direct way leads to, separated by commas, as in `turn:relay.example.org:3478` or
    /// `turns:relay.example.org:443`. With coturn: `use-auth-secret`. Admins set them in the page, unless they are given here
    #[arg(
        long,
        env = "CROMULENT_TURN_URL",
        value_name = "URL",
        value_delimiter = ',',
        requires = "turn_secret_file"
    )]
    pub turn_url: Vec<turn::Url>,

    /// File with the secret that the relays share with this server (coturn: `static-auth-secret`)
    #[arg(long, env = "CROMULENT_TURN_SECRET_FILE", value_name = "FILE", requires = "turn_url")]
    pub turn_secret_file: Option<PathBuf>,

    /// Voices a listener gets at once. 8 is more than anybody can follow; each costs every listener's page a decoder
    #[arg(long, env = "CROMULENT_VOICE_SLOTS", value_name = "N", default_value = "8",
          value_parser = clap::value_parser!(u8).range(1..=16))]
    pub voice_slots: u8,

    /// Which ways voice may take. TCP on the same port numbers is for networks that block UDP
    #[arg(long, env = "CROMULENT_VOICE_PATHS", value_enum, default_value = "both")]
    pub voice_paths: VoicePaths,

    /// Whether packets to one listener may go out several in one call, where kernel and network card can (GSO). Off is
    /// for comparing, and for a card that says it can and cannot
    #[arg(long, env = "CROMULENT_VOICE_GSO", value_enum, default_value = "auto")]
    pub voice_gso: VoiceGso,

    /// Whether each thread that forwards voice stays on one core. Off leaves it to the system, as where others need
    /// these cores more
    #[arg(long, env = "CROMULENT_VOICE_PIN", value_enum, default_value = "on")]
    pub voice_pin: VoicePin,

    /// Milliseconds of CPU time each thread that forwards voice may use of a second. Near to it fewer people are heard at
    /// once, then nobody else can join. Less than the whole leaves the rest to others on this machine
    #[arg(long, env = "CROMULENT_VOICE_BUDGET", value_name = "MS", default_value = "1000",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub voice_budget: u16,

    /// Seconds a voice room keeps the place of somebody whose page is gone. Long enough for a restart of Wi-Fi
    #[arg(long, env = "CROMULENT_VOICE_GRACE", value_name = "SECONDS", default_value = "30",
          value_parser = clap::value_parser!(u16).range(1..=600))]
    pub voice_grace: u16,

    /// Memory of one password hash (argon2id) in KiB. 19 MiB with two passes is what OWASP asks for at least
    #[arg(long, env = "CROMULENT_PASSWORD_MEMORY_KIB", value_name = "KIB", default_value = "19456",
          value_parser = clap::value_parser!(u32).range(8..=4_194_304))]
    pub password_memory_kib: u32,

    /// Passes of one password hash
    #[arg(long, env = "CROMULENT_PASSWORD_PASSES", value_name = "N", default_value = "2",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub password_passes: u32,

    /// Tries a minute to sign in or register, for one address and for one name; 0 is no limit. Nobody mistypes faster
    #[arg(long, env = "CROMULENT_PASSWORD_TRIES_PER_MINUTE", value_name = "N", default_value = "20")]
    pub password_tries_per_minute: u32,

    /// Requests a second that a connection may send, after a burst of six seconds' worth; 0 is no limit. Nobody types or
    /// clicks as fast, and a page that comes back asks for every open channel at once
    #[arg(long, env = "CROMULENT_REQUESTS_PER_SECOND", value_name = "N", default_value = "20",
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub requests_per_second: u32,

    /// What is logged: error, warn, info, debug, trace, or per module as in `info,cromulent::web=debug`
    #[arg(long, env = "CROMULENT_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// How it is logged
    #[arg(long, env = "CROMULENT_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

impl Settings {
    /// The defaults, as tests and embedders start from.
    pub fn defaults() -> Self {
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            settings: Settings,
        }
        // Without the environment: a default is a default. Every default above parses (a test says so).
        let mut command = Only::command();
        let names: Vec<clap::Id> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
        for name in names {
            command = command.mut_arg(name, |arg| arg.env(None::<&str>));
        }
        match command.try_get_matches_from(["cromulent"]).and_then(|matches| Only::from_arg_matches(&matches))
        {
            Ok(only) => only.settings,
            Err(error) => unreachable!("a default does not parse: {error}"),
        }
    }

    /// Where the database is.
    pub fn database(&self) -> Address {
        self.database.clone().unwrap_or_else(|| Address::File(self.data_dir.join("cromulent.db")))
    }
}

/// Parses the address of the database. By default clap repeats a value it refuses, and this one may hold a password.
#[derive(Clone)]
struct AddressParser;

impl TypedValueParser for AddressParser {
    type Value = Address;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Address, clap::Error> {
        let parsed = value.to_str().ok_or("not UTF-8".to_owned());
        parsed
            .and_then(|text| text.parse().map_err(|error: crate::db::BadAddress| error.to_string()))
            .map_err(|error| {
                clap::Error::raw(ErrorKind::ValueValidation, format!("--database: {error}\n"))
                    .with_cmd(command)
            })
    }
}

/// Whether the server does something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// Whether accounts may be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Registration {
    /// By anybody who can open the page.
    Open,
    /// By nobody; only the first admin's link works.
    Closed,
}

/// Whether addresses are confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum EmailConfirmation {
    /// Nobody is asked.
    Off,
    /// An account begins with the answer to a mail.
    Required,
}

/// The way to the mail server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, and no mail without.
    Starttls,
    /// None: for a mail server on this machine.
    None,
}

/// Pictures of people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Avatars {
    /// None: everybody has initials.
    Initials,
    /// Those that libravatar.org has for an address, for who wants that.
    Libravatar,
    /// Any address, too.
    Links,
}

/// Ways voice may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VoicePaths {
    /// UDP, and TCP where that is blocked.
    Both,
    /// UDP alone.
    Udp,
    /// TCP alone.
    Tcp,
}

/// Several packets in one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VoiceGso {
    /// Where it works.
    Auto,
    /// Never.
    Off,
}

/// Voice threads on a core each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VoicePin {
    /// Each on one.
    On,
    /// Anywhere.
    Off,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, the environment or a value is wrong, or help was asked for; prints itself.
    #[error("{0}")]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{file} is not TOML: {reason}")]
    NotToml {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// The file has a key that is no setting.
    #[error("{file}: there is no setting `{key}`. Settings: {known}")]
    UnknownKey {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
        /// What there is.
        known: String,
    },
    /// The file gives a setting a kind of value that none has.
    #[error("{file}: `{key}` must be a text, a number or a list of texts")]
    WrongKind {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
    },
}

/// Reads flags, environment and file.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut command = CommandLine::command();
    if let Some(file) = config_file(&arguments) {
        command = with_file(command, &file)?;
    }
    Ok(CommandLine::from_arg_matches(&command.try_get_matches_from(arguments)?)?)
}

/// The configuration file, found before the rest is looked at.
fn config_file(arguments: &[OsString]) -> Option<PathBuf> {
    let matches = CommandLine::command().ignore_errors(true).try_get_matches_from(arguments).ok()?;
    let given = |matches: &clap::ArgMatches| matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    let of_command = WITH_SETTINGS.iter().find_map(|name| matches.subcommand_matches(name).and_then(given));
    of_command.or_else(|| given(&matches))
}

/// Makes the file's values the defaults, so that flags and environment go before them.
fn with_file(mut command: clap::Command, file: &Path) -> Result<clap::Command, Error> {
    let name = file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|source| Error::Unreadable { file: name.clone(), source })?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| Error::NotToml { file: name.clone(), reason: error.to_string() })?;
    let known: Vec<String> = Settings::augment_args(clap::Command::new(""))
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .filter(|long| long != "config")
        .collect();
    for (key, value) in table {
        let long = key.replace('_', "-");
        if !known.contains(&long) {
            return Err(Error::UnknownKey { file: name, key, known: known.join(", ") });
        }
        let values =
            texts(&value).ok_or_else(|| Error::WrongKind { file: name.clone(), key: key.clone() })?;
        let set = |arg: clap::Arg| arg.default_values(values.clone());
        let id = long.replace('-', "_");
        command = command.mut_arg(&id, set);
        for name in WITH_SETTINGS {
            command = command.mut_subcommand(name, |one| one.mut_arg(&id, set));
        }
    }
    Ok(command)
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn with(file: &str, flags: &[&str]) -> Result<Settings, Error> {
        let mut toml = tempfile::NamedTempFile::new().unwrap();
        toml.write_all(file.as_bytes()).unwrap();
        let path = toml.path().to_str().unwrap();
        let given = ["cromulent", "--config", path];
        read(given.iter().chain(flags).map(OsString::from)).map(|line| line.settings)
    }

    #[test]
    fn every_default_parses() {
        let settings = Settings::defaults();
        assert_eq!(settings.listen, "127.0.0.1:8080".parse().unwrap());
        assert!(settings.voice_addresses.is_empty());
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_file_beats_the_default_and_a_flag_beats_the_file() {
        let file =
            "listen = \"0.0.0.0:80\"\nvoice-port = 9000\nvoice-addresses = [\"10.0.0.1\", \"10.0.0.2\"]\n";
        let settings = with(file, &["--voice-port", "9100"]).unwrap();
        assert_eq!(settings.listen, "0.0.0.0:80".parse().unwrap());
        assert_eq!(settings.voice_port, 9100);
        assert_eq!(settings.voice_addresses.len(), 2);
    }

    #[test]
    fn a_key_that_is_no_setting_is_refused_by_name() {
        let error = with("voice-prot = 9000\n", &[]).unwrap_err();
        assert!(error.to_string().contains("no setting `voice-prot`"), "{error}");
        assert!(error.to_string().contains("voice-port"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_refused() {
        assert!(matches!(with("voice-slots = 17\n", &[]), Err(Error::Usage(_))));
        assert!(matches!(with("voice-budget = 0\n", &[]), Err(Error::Usage(_))));
        assert!(matches!(with("", &["--voice-budget", "1001"]), Err(Error::Usage(_))));
        assert!(matches!(with("voice-slots = true\n", &[]), Err(Error::WrongKind { .. })));
        assert!(matches!(with("voice-slots =\n", &[]), Err(Error::NotToml { .. })));
    }

    #[test]
    fn the_database_is_a_file_in_the_data_folder_unless_something_else_is_said() {
        let said = |flags: &[&str]| with("data-dir = \"d\"\n", flags).unwrap().database().to_string();
        assert_eq!(said(&[]), "d/cromulent.db");
        assert_eq!(said(&["--database", "sqlite:other.db"]), "other.db");
        assert_eq!(said(&["--database", "postgres://ana:pw@db/chat"]), "postgres://db:5432/chat");
        let file = "database = \"postgres://ana:pw@db/chat\"\n";
        assert_eq!(with(file, &[]).unwrap().database().to_string(), "postgres://db:5432/chat");
    }

    #[test]
    fn a_password_of_the_database_is_never_shown() {
        for file in ["postgres://ana:geheim@db", "mysql://ana:geheim@db/chat"] {
            let error = with(&format!("database = {file:?}\n"), &[]).unwrap_err().to_string();
            assert!(error.contains("--database: ") && !error.contains("geheim"), "{error}");
        }
        let file = "database = \"postgres://ana:geheim@db/chat\"\n";
        let help = with(file, &["--help"]).unwrap_err().to_string();
        assert!(help.contains("CROMULENT_DATABASE") && !help.contains("geheim"), "{help}");
        assert!(!format!("{:?}", with(file, &[]).unwrap()).contains("geheim"));
    }

    #[test]
    fn how_voice_uses_the_machine_can_be_said() {
        let said = |settings: Settings| (settings.voice_gso, settings.voice_pin);
        assert_eq!(said(Settings::defaults()), (VoiceGso::Auto, VoicePin::On));
        let file = "voice-gso = \"off\"\nvoice-pin = \"off\"\n";
        assert_eq!(said(with(file, &[]).unwrap()), (VoiceGso::Off, VoicePin::Off));
        assert_eq!(said(with(file, &["--voice-gso", "auto"]).unwrap()), (VoiceGso::Auto, VoicePin::Off));
        let variables = ["CROMULENT_VOICE_GSO", "CROMULENT_VOICE_PIN"];
        let command = CommandLine::command();
        let named =
            |name: &str| command.get_arguments().any(|arg| arg.get_env().is_some_and(|env| env == name));
        assert!(variables.into_iter().all(named));
    }

    #[test]
    fn a_port_at_the_public_address_needs_one() {
        assert!(matches!(with("", &["--voice-public-port", "9000"]), Err(Error::Usage(_))));
        let file = "voice-public-address = \"203.0.113.9\"\nvoice-public-port = 9000\n";
        assert_eq!(with(file, &[]).unwrap().voice_public_port, Some(9000));
        assert_eq!(Settings::defaults().voice_public_port, None);
    }

    #[test]
    fn serve_is_what_happens_without_a_command() {
        let line = read(["cromulent", "serve", "--voice-port", "7"].map(OsString::from)).unwrap();
        assert!(matches!(line.command, Some(Command::Serve(settings)) if settings.voice_port == 7));
        assert!(read(["cromulent"].map(OsString::from)).unwrap().command.is_none());
    }
}
