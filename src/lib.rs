//! Cromulent: a self-hosted, voice-first chat server in one process.
//!
//! The house has five rooms, and imports go one way: [`protocol`] (the words on the wire) <- [`live`] (who is
//! here now) <- [`chat`] (what is remembered) <- [`voice`] (the bridge to the SFU) <- [`web`] (the doors).
//! Beside them stand [`config`], [`doctor`], [`telemetry`], [`files`], [`mail`], [`fetch`], [`turn`], [`id`], [`clock`] and [`db`], and
//! [`mod@bench`], which sees the server from outside only. `tests/architecture.rs` holds all of them to it.
//!
//! Start with [`Server::start`]; ARCHITECTURE.md has the map and three walkthroughs.

pub mod bench;
pub mod chat;
pub mod clock;
pub mod config;
pub mod db;
pub mod doctor;
pub mod fetch;
pub mod files;
pub mod id;
pub mod live;
pub mod mail;
pub mod protocol;
pub mod telemetry;
pub mod turn;
pub mod voice;
pub mod web;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::chat::seals::{self, Seals};
use crate::chat::settings::{Given, Relays};
use crate::chat::{Chat, Rules, passwords, tokens};
use crate::clock::Clock;
use crate::config::{Avatars, EmailConfirmation, Settings, SmtpTls, Switch, VoiceGso, VoicePaths, VoicePin};
use crate::db::Db;
use crate::fetch::Fetcher;
use crate::fetch::reach::Reach;
use crate::live::Live;
use crate::live::hub::{Audience, news};
use crate::mail::{MailServer, MailTls, Mailer};
use crate::protocol::rest::{AvatarsAllowed, Registration};
use crate::protocol::server::ServerEvent;
use crate::voice::Voice;
use crate::web::Doors;
use crate::web::auth::PublicUrl;
use crate::web::limits::Limits;
use crate::web::visitors::{self, Patience};
use crate::web::writer::GAP;

/// How often time passes for presence, typing and voice places. Their limits are seconds.
const TICK: Duration = Duration::from_millis(250);

/// How often it is looked what is over by itself. Days are the shortest that anything lasts.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Between two parts of what is purged, so that others write in between.
const PURGE_PAUSE: Duration = Duration::from_secs(1);

/// How long a stopping server waits for sockets to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Addresses voice listens on at most. A machine with more (containers, bridges) should name them.
const ADDRESSES_MAX: usize = 8;

/// A running server.
pub struct Server {
    /// Where the page is.
    pub address: SocketAddr,
    /// The ports of voice.
    pub voice_ports: Vec<u16>,
    /// The one-time link that makes the first admin, as long as there is none.
    pub setup_link: Option<String>,
    /// The page's address as people type it.
    pub url: String,
    doors: Arc<Doors>,
    chat: Arc<Chat>,
    stop: watch::Sender<bool>,
    http: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address of the page is not free.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The first rows cannot be written.
    #[error(transparent)]
    Chat(#[from] chat::Error),
    /// Mail cannot be sent as set.
    #[error(transparent)]
    Mail(#[from] mail::Error),
    /// A file with a secret cannot be read, or made.
    #[error("cannot use {file}: {source}")]
    Secret {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file with the secret of relays has something else in it.
    #[error("{file} must hold one line of 1 to 200 characters without spaces")]
    BadSecret {
        /// Which.
        file: String,
    },
    /// The file with the key of stored secrets is not whole.
    #[error("{file} must have 32 bytes; if it is lost, remove it and enter the stored secrets again")]
    BadKey {
        /// Which.
        file: String,
    },
    /// Nobody could ever confirm an address.
    #[error(
        "e-mail addresses are to be confirmed, which needs a mail server: set smtp-host, or start with \
         --email-confirmation off"
    )]
    ConfirmationWithoutMail,
    /// Voice cannot start.
    #[error("voice: {0}")]
    Voice(#[from] sfu::StartError),
}

impl Server {
    /// Opens the database, binds every port and serves until [`Server::stop`].
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        make_folder(&settings.data_dir)?;
        let listen = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let public = PublicUrl::new(settings.public_url.as_deref());
        let url = public.text(address);

        let db = Db::open(&settings.database()).await?;
        let live = Arc::new(Live::default());
        let mail = mailer(settings)?;
        let rules = rules(settings, url.clone())?;
        let chat = Arc::new(Chat::new(db, live.clone(), clock, rules, mail).await?);
        if chat.asks_for_confirmation().await? && !chat.sends_mail() {
            return Err(StartError::ConfirmationWithoutMail);
        }
        chat.make_first_channels().await?;

        let (sfu, events) = sfu::Sfu::start(voice_config(settings))?;
        let voice_ports = sfu.ports();
        let grace = Duration::from_secs(settings.voice_grace.into());
        let voice = Arc::new(Voice::new(sfu, chat.clone(), live.hub.clone(), grace));
        for channel in chat.limited_channels().await? {
            voice.apply(&channel);
        }

        let setup_token = tokens::random_hex()?;
        let setup_link = chat.needs_admin().await?.then(|| format!("{url}/setup/{setup_token}"));
        let reach = Reach::new(settings.previews_allow.clone(), settings.previews_ports.clone());
        let fetcher = Arc::new(Fetcher::new(reach));
        let doors = Arc::new(Doors {
            chat: chat.clone(),
            fetcher: fetcher.clone(),
            live,
            voice,
            server_name: settings.server_name.clone(),
            slots: settings.voice_slots,
            public,
            setup_token,
            limits: Limits::new(settings.password_tries_per_minute, settings.requests_per_second),
            sockets: 0.into(),
            relay_tests: Semaphore::new(1),
        });
        let (stop, stopped) = watch::channel(false);
        let (fanning_out, clearing) = (chat.clone(), chat.clone());
        let tasks = vec![
            tokio::spawn(follow_voice(doors.clone(), events)),
            tokio::spawn(tick(doors.clone())),
            tokio::spawn(tell_news(doors.clone())),
            tokio::spawn(sweep(doors.clone())),
            tokio::spawn(purge(doors.clone())),
            tokio::spawn(async move { fanning_out.fan_out().await }),
            tokio::spawn(chat.clone().make_previews(fetcher)),
            tokio::spawn(async move { clearing.clear().await }),
        ];
        let http = tokio::spawn(visitors::receive(
            listener,
            web::router(doors.clone()),
            Patience::default(),
            stopped,
        ));
        Ok(Self { address, voice_ports, setup_link, url, doors, chat, stop, http, tasks })
    }

    /// For tests: a worker of voice has this much too much to do.
    #[doc(hidden)]
    pub fn says_worker(&self, worker: usize, pressure: sfu::Pressure) {
        self.doors.voice.note_pressure(worker, pressure);
    }

    /// Tells every page, closes sockets and media, finishes writes and closes the database.
    pub async fn stop(self) {
        self.doors.live.hub.publish(Audience::Everyone, &ServerEvent::ServerStopping);
        // For the event to leave before the close does: a socket may be gathering, and its task wants its turn.
        tokio::time::sleep(2 * GAP).await;
        self.doors.live.hub.close_all();
        self.doors.voice.stop().await;
        let _ = self.stop.send(true);
        let mut http = self.http;
        if tokio::time::timeout(GOODBYE, &mut http).await.is_err() {
            http.abort();
        }
        for task in self.tasks {
            task.abort();
        }
        self.chat.close().await;
    }
}

/// A one-time link that replaces the password of the user with this name: the way back for an admin who is the only
/// one. The server may run meanwhile.
pub async fn reset_link(settings: &Settings, name: &str) -> Result<String, StartError> {
    let db = Db::open(&settings.database()).await?;
    let page = PublicUrl::new(settings.public_url.as_deref()).text(settings.listen);
    let rules = rules(settings, page)?;
    let chat = Chat::new(db, Arc::default(), Clock::System, rules, None).await?;
    let issued = chat.issue_reset_link_at_console(name).await;
    chat.close().await;
    Ok(issued.map(|(_, url)| url)?)
}

/// Looks at what a server with these settings would need, and changes nothing.
pub async fn examine(
    settings: &Settings,
    clock: &Clock,
    trust: &doctor::Trust,
) -> Result<doctor::Report, StartError> {
    let subject = doctor::Subject {
        listen: settings.listen,
        public_url: settings.public_url.as_deref().map(|url| PublicUrl::new(Some(url)).text(settings.listen)),
        voice: voice_config(settings),
        data_dir: settings.data_dir.clone(),
        database: settings.database(),
        mail: mail_server(settings)?,
        relays: given(settings)?.relays.map(|relays| (relays.urls, relays.secret)),
    };
    Ok(doctor::examine(&subject, clock.now(), trust).await)
}

async fn follow_voice(doors: Arc<Doors>, events: sfu::Events) {
    doors.voice.follow(events).await;
}

async fn tick(doors: Arc<Doors>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = doors.chat.steady();
        doors.live.expire(now);
        doors.live.hub.expire(now);
        doors.voice.expire(now);
    }
}

/// At once after a quiet moment, and then once in a gap as long as there is something to tell.
async fn tell_news(doors: Arc<Doors>) {
    loop {
        doors.live.hub.stirred().await;
        doors.live.tell();
        doors.voice.tell();
        tokio::time::sleep(news::GAP).await;
    }
}

/// Ends what is over by itself: sign-ins with their sockets, links, registrations.
async fn sweep(doors: Arc<Doors>) {
    let mut interval = tokio::time::interval(SWEEP);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match doors.chat.sweep().await {
            Ok(ended) => web::sessions::close(&doors, &ended),
            Err(error) => tracing::error!(%error, "what is over could not be cleared away"),
        }
        if let Err(error) = doors.chat.sweep_previews().await {
            tracing::error!(%error, "old previews could not be cleared away");
        }
    }
}

/// Forgets what was seen long ago, a part at a time.
async fn purge(doors: Arc<Doors>) {
    loop {
        let more = doors.chat.purge_notifications().await.unwrap_or_else(|error| {
            tracing::error!(%error, "old notifications could not be cleared away");
            false
        });
        tokio::time::sleep(if more { PURGE_PAUSE } else { SWEEP }).await;
    }
}

/// The letterbox, if there is a mail server.
fn mailer(settings: &Settings) -> Result<Option<Mailer>, StartError> {
    Ok(mail_server(settings)?.map(Mailer::start).transpose()?)
}

fn mail_server(settings: &Settings) -> Result<Option<MailServer>, StartError> {
    let Some(host) = settings.smtp_host.clone() else { return Ok(None) };
    let (tls, port) = match settings.smtp_tls {
        SmtpTls::Implicit => (MailTls::Implicit, 465),
        SmtpTls::Starttls => (MailTls::StartTls, 587),
        SmtpTls::None => (MailTls::None, 25),
    };
    let credentials = match (&settings.smtp_user, &settings.smtp_password_file) {
        (Some(user), Some(file)) => Some((user.clone(), secret_in(file)?)),
        _ => None,
    };
    let from = match &settings.mail_from {
        Some(from) => from.clone(),
        None => format!("cromulent@{host}"),
    };
    let port = settings.smtp_port.unwrap_or(port);
    Ok(Some(MailServer { host, port, tls, credentials, from }))
}

/// The one line of a file with a secret.
fn secret_in(file: &Path) -> Result<String, StartError> {
    let fail = |source| StartError::Secret { file: file.display().to_string(), source };
    let text = std::fs::read_to_string(file).map_err(fail)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The key of stored secrets: a file beside the data, made when it is not there. It is there whole or not at all, and of
/// two who make it at once one wins.
fn seals(settings: &Settings) -> Result<Seals, StartError> {
    let file = settings.data_dir.join("secrets.key");
    let fail = |source| StartError::Secret { file: file.display().to_string(), source };
    if !file.try_exists().map_err(fail)? {
        make_folder(&settings.data_dir)?;
        let mut key = [0; seals::KEY];
        getrandom::fill(&mut key).map_err(|error| fail(std::io::Error::other(error)))?;
        let new = settings.data_dir.join(format!("secrets.key.{}", std::process::id()));
        let made = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
        made.and_then(|mut new| new.write_all(&key).and_then(|()| new.sync_all())).map_err(fail)?;
        let linked = std::fs::hard_link(&new, &file);
        std::fs::remove_file(&new).map_err(fail)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(fail(error)),
            _ => {}
        }
    }
    let key = std::fs::read(&file).map_err(fail)?;
    let bad = |_| StartError::BadKey { file: file.display().to_string() };
    Ok(Seals::new(&key[..].try_into().map_err(bad)?)?)
}

fn make_folder(path: &Path) -> Result<(), StartError> {
    let fail = |source| StartError::Folder { path: path.display().to_string(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(fail)
}

fn rules(settings: &Settings, page: String) -> Result<Rules, StartError> {
    Ok(Rules {
        given: given(settings)?,
        seals: seals(settings)?,
        session_lasts: Duration::from_secs(u64::from(settings.session_days) * 24 * 60 * 60),
        passwords: passwords::Cost {
            memory_kib: settings.password_memory_kib,
            passes: settings.password_passes,
        },
        avatars: match settings.avatars {
            Avatars::Initials => AvatarsAllowed::Initials,
            Avatars::Libravatar => AvatarsAllowed::Libravatar,
            Avatars::Links => AvatarsAllowed::Links,
        },
        server_name: settings.server_name.clone(),
        page,
    })
}

/// What is no longer for admins to decide.
fn given(settings: &Settings) -> Result<Given, StartError> {
    let is_on = |switch: Switch| switch == Switch::On;
    let relays = match &settings.turn_secret_file {
        Some(file) if !settings.turn_url.is_empty() => {
            let bad = || StartError::BadSecret { file: file.display().to_string() };
            let secret = turn::Secret::parse(&secret_in(file)?).ok_or_else(bad)?;
            Some(Relays { urls: settings.turn_url.clone(), secret })
        }
        _ => None,
    };
    Ok(Given {
        voice: settings.voice.map(is_on),
        registration: settings.registration.map(|registration| match registration {
            config::Registration::Open => Registration::Open,
            config::Registration::Closed => Registration::Closed,
        }),
        link_previews: settings.link_previews.map(is_on),
        email_confirmation: settings
            .email_confirmation
            .map(|confirmation| confirmation == EmailConfirmation::Required),
        relays,
    })
}

fn voice_config(settings: &Settings) -> sfu::Config {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let bind = match settings.voice_addresses.is_empty() {
        true => own_addresses(),
        false => settings.voice_addresses.clone(),
    };
    // Everything is reached through the NAT, if there is one, but loopback as itself; unless what stands before us is
    // on this machine too.
    let address = |bind: IpAddr| match settings.voice_public_address {
        Some(public)
            if bind.is_ipv4() == public.is_ipv4() && (!bind.is_loopback() || public.is_loopback()) =>
        {
            sfu::Address { bind, advertise: public, advertise_port: settings.voice_public_port }
        }
        _ => sfu::Address { bind, advertise: bind, advertise_port: None },
    };
    sfu::Config {
        addresses: bind.into_iter().map(address).collect(),
        base_port: settings.voice_port,
        workers: NonZeroUsize::new(settings.voice_workers.into()).unwrap_or(cores),
        slots: settings.voice_slots,
        udp: settings.voice_paths != VoicePaths::Tcp,
        tcp: settings.voice_paths != VoicePaths::Udp,
        gso: match settings.voice_gso {
            VoiceGso::Auto => sfu::Gso::Auto,
            VoiceGso::Off => sfu::Gso::Off,
        },
        pinning: match settings.voice_pin {
            VoicePin::On => sfu::Pinning::On,
            VoicePin::Off => sfu::Pinning::Off,
        },
        budget: Duration::from_millis(settings.voice_budget.into()),
        ..sfu::Config::default()
    }
}

/// 127.0.0.1 and what the machine's interfaces have, without addresses that only work on one link.
fn own_addresses() -> Vec<IpAddr> {
    let mut all = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot list this machine's addresses; voice is on loopback only");
        Vec::new()
    });
    for interface in interfaces {
        let ip = interface.ip();
        let only_on_link = match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        if !ip.is_loopback() && !only_on_link && !all.contains(&ip) && all.len() < ADDRESSES_MAX {
            all.push(ip);
        }
    }
    all
}
