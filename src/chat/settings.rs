//! What admins decide about the whole server, in one row of the database: whether there is voice, who may make an
//! account, whether links are looked at, whether addresses are confirmed, which relays there are.
//!
//! What the operator gave by flag, environment or file holds instead ([`Given`]), and is not for admins to change.
//! Every operation that a setting is about reads it itself, inside its own transaction: a page that was open before a
//! change does not know better. Start with [`Chat::change_settings`].

use std::time::Duration;

use super::audit::Deed;
use super::seals::Seals;
use super::{Chat, Error, users};
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::live::hub::Audience;
use crate::protocol::rest::{AuditAction, Registration};
use crate::protocol::server::ServerEvent;
use crate::protocol::settings::{self as wire, ServerSetting, ServerSettings, SettingName};
use crate::protocol::types::{Relay, Switches};
use crate::turn::{self, Credentials, Secret, Url};

/// Settings that one request may change: more than there are.
const CHANGES_MAX: usize = 16;

/// Relays there may be: a browser warns of five, and tries all of them at each join.
const RELAYS_MAX: usize = 4;

/// How long what lets somebody use the relays is good. A talk may last as long; who joins again gets it anew.
const RELAY_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What the secret of relays is sealed as.
const SEALED_AS: &str = "turn_secret";

/// What the operator decided, so that admins cannot.
#[derive(Clone, Default)]
pub struct Given {
    /// Whether there is voice.
    pub voice: Option<bool>,
    /// Whether anybody may make an account.
    pub registration: Option<Registration>,
    /// Whether links are looked at.
    pub link_previews: Option<bool>,
    /// Whether addresses are confirmed.
    pub email_confirmation: Option<bool>,
    /// Which relays there are.
    pub relays: Option<Relays>,
}

/// Where relays are, and the secret that they share. Neither `Debug` nor `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Relays {
    /// At least one.
    pub urls: Vec<Url>,
    /// Theirs and ours.
    pub secret: Secret,
}

impl Relays {
    fn texts(&self) -> Vec<String> {
        self.urls.iter().map(Url::to_string).collect()
    }

    fn credentials(&self, user: UserId, chat: &Chat) -> Credentials {
        turn::credentials(&self.secret, &uuid::Uuid::from(user).to_string(), chat.now() + RELAY_FOR)
    }
}

impl Given {
    fn names(&self) -> Vec<SettingName> {
        let all = [
            (SettingName::Voice, self.voice.is_some()),
            (SettingName::Registration, self.registration.is_some()),
            (SettingName::LinkPreviews, self.link_previews.is_some()),
            (SettingName::EmailConfirmation, self.email_confirmation.is_some()),
            (SettingName::Relays, self.relays.is_some()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

/// What holds.
#[derive(Clone)]
pub struct Settings {
    /// Whether there is voice.
    pub voice: bool,
    /// Whether anybody may make an account.
    pub registration: Registration,
    /// Whether links are looked at.
    pub link_previews: bool,
    /// Whether addresses are confirmed.
    pub email_confirmation: bool,
    /// Where relays are, whether we can use them or not.
    relay_urls: Vec<Url>,
    /// Their secret; none when there are no relays, or it cannot be opened any more.
    relay_secret: Option<Secret>,
}

impl Settings {
    /// The relays that pages may use.
    pub fn relays(&self) -> Option<Relays> {
        let secret = self.relay_secret.clone()?;
        (!self.relay_urls.is_empty()).then(|| Relays { urls: self.relay_urls.clone(), secret })
    }

    /// Refuses where nobody makes an account for themselves.
    pub(super) fn require_open(&self) -> Result<(), Error> {
        match self.registration {
            Registration::Open => Ok(()),
            Registration::Closed => Err(Error::RegistrationClosed),
        }
    }

    fn switches(&self) -> Switches {
        Switches { voice: self.voice, registration: self.registration, link_previews: self.link_previews }
    }
}

impl Chat {
    /// What holds now, for an operation that it is about.
    pub async fn settings_in(&self, conn: &mut Conn) -> Result<Settings, Error> {
        let stored = stored(conn, &self.rules.seals).await?;
        let Given { voice, registration, link_previews, email_confirmation, relays } = &self.rules.given;
        let (relay_urls, relay_secret) = match relays {
            Some(relays) => (relays.urls.clone(), Some(relays.secret.clone())),
            None => (stored.relay_urls, stored.relay_secret),
        };
        Ok(Settings {
            voice: voice.unwrap_or(stored.voice),
            registration: registration.unwrap_or(stored.registration),
            link_previews: link_previews.unwrap_or(stored.link_previews),
            email_confirmation: email_confirmation.unwrap_or(stored.email_confirmation),
            relay_urls,
            relay_secret,
        })
    }

    /// What everybody may know of it.
    pub async fn switches(&self) -> Result<Switches, Error> {
        Ok(self.settings_in(&mut *self.db.read().await?).await?.switches())
    }

    /// Whether an account begins only when its owner answered a mail.
    pub async fn asks_for_confirmation(&self) -> Result<bool, Error> {
        Ok(self.settings_in(&mut *self.db.read().await?).await?.email_confirmation)
    }

    /// The relays, and what lets `user` use them for a day, if there are any.
    pub async fn relay_for(&self, user: UserId) -> Result<Option<Relay>, Error> {
        let settings = self.settings_in(&mut *self.db.read().await?).await?;
        Ok(settings.relays().map(|relays| {
            let Credentials { username, password } = relays.credentials(user, self);
            Relay { urls: relays.texts(), username, credential: password }
        }))
    }

    /// For an admin who wants to try them: where relays are, and what lets them in there.
    pub async fn relays_to_try(&self, admin: UserId) -> Result<Option<(Vec<Url>, Credentials)>, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        let relays = self.settings_in(&mut read).await?.relays();
        Ok(relays.map(|relays| (relays.urls.clone(), relays.credentials(admin, self))))
    }

    /// All of it, for an admin.
    pub async fn settings(&self, admin: UserId) -> Result<ServerSettings, Error> {
        let mut read = self.db.read().await?;
        users::require_admin(&mut read, admin).await?;
        Ok(self.shown(&self.settings_in(&mut read).await?))
    }

    /// Changes what is named; all of it or, when one may not be, nothing. `apply` is told what holds from now on, before
    /// everybody is.
    pub async fn change_settings(
        &self,
        admin: UserId,
        changes: Vec<ServerSetting>,
        apply: impl FnOnce(&Settings),
    ) -> Result<ServerSettings, Error> {
        if changes.len() > CHANGES_MAX {
            return Err(Error::Invalid { field: "settings", rule: "at most 16" });
        }
        let _turn = self.setting_changes.lock().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let before = self.settings_in(&mut tx).await?;
        let given = self.rules.given.names();
        let mut settings = stored(&mut tx, &self.rules.seals).await?;
        for change in changes {
            if given.contains(&name_of(&change)) {
                return Err(Error::Given);
            }
            let told = match change {
                ServerSetting::Voice(on) => {
                    settings.voice = on;
                    (on != before.voice).then(|| format!("voice: {}", switch_text(on)))
                }
                ServerSetting::Registration(registration) => {
                    settings.registration = registration;
                    (registration != before.registration)
                        .then(|| format!("registration: {}", registration_text(registration)))
                }
                ServerSetting::LinkPreviews(on) => {
                    settings.link_previews = on;
                    (on != before.link_previews).then(|| format!("link_previews: {}", switch_text(on)))
                }
                ServerSetting::EmailConfirmation(on) => {
                    if on && !self.sends_mail() {
                        return Err(Error::NoMail);
                    }
                    settings.email_confirmation = on;
                    (on != before.email_confirmation)
                        .then(|| format!("email_confirmation: {}", switch_text(on)))
                }
                ServerSetting::Relays { urls, secret } => settings.set_relays(urls, secret)?,
            };
            if let Some(detail) = told {
                self.note(&mut tx, self.now(), Deed::by(admin, AuditAction::SettingChanged).saying(&detail))
                    .await?;
            }
        }
        let urls: Vec<String> = settings.relay_urls.iter().map(Url::to_string).collect();
        // What cannot be opened any more is not kept either.
        let secret = match &settings.relay_secret {
            Some(secret) => self.rules.seals.seal(SEALED_AS, secret.text())?,
            None => String::new(),
        };
        sql("update settings set voice = $1, registration = $2, link_previews = $3, email_confirmation = $4,
                    turn_urls = $5, turn_secret = $6
             where id = 1")
        .bind(switch_text(settings.voice))
        .bind(registration_text(settings.registration))
        .bind(switch_text(settings.link_previews))
        .bind(switch_text(settings.email_confirmation))
        .bind(urls.join(" "))
        .bind(secret)
        .execute(&mut tx)
        .await?;
        let now = self.settings_in(&mut tx).await?;
        tx.commit().await?;

        apply(&now);
        self.hub.publish(Audience::Everyone, &ServerEvent::SettingsChanged { switches: now.switches() });
        Ok(self.shown(&now))
    }

    fn shown(&self, settings: &Settings) -> ServerSettings {
        ServerSettings {
            voice: settings.voice,
            registration: settings.registration,
            link_previews: settings.link_previews,
            email_confirmation: settings.email_confirmation,
            relays: wire::Relays {
                urls: settings.relay_urls.iter().map(Url::to_string).collect(),
                has_secret: settings.relay_secret.is_some(),
            },
            given: self.rules.given.names(),
            mail: self.sends_mail(),
        }
    }
}

impl Settings {
    /// Takes other relays, and another secret if there is one; what is to be written down of it.
    fn set_relays(&mut self, urls: Vec<String>, secret: Option<String>) -> Result<Option<String>, Error> {
        if urls.len() > RELAYS_MAX {
            return Err(Error::Invalid { field: "relays", rule: "at most 4" });
        }
        let bad = |_| Error::Invalid { field: "relays", rule: "turn:HOST:PORT or turns:HOST:PORT" };
        let urls = urls.iter().map(|url| url.trim().parse()).collect::<Result<Vec<Url>, _>>().map_err(bad)?;
        let bad = Error::Invalid { field: "secret", rule: "1 to 200 characters without spaces" };
        let secret = match secret {
            Some(text) => Some(Secret::parse(&text).ok_or(bad)?),
            None => self.relay_secret.clone(),
        };
        let secret = match urls.is_empty() {
            true => None,
            false => Some(secret.ok_or(Error::Invalid { field: "secret", rule: "relays need one" })?),
        };
        let same_secret = secret == self.relay_secret;
        if urls == self.relay_urls && same_secret {
            return Ok(None);
        }
        (self.relay_urls, self.relay_secret) = (urls, secret);
        let texts: Vec<String> = self.relay_urls.iter().map(Url::to_string).collect();
        // Of the secret it is told that there is another one, and no more.
        Ok(Some(match (texts.is_empty(), same_secret) {
            (true, _) => "relays: none".to_owned(),
            (false, true) => format!("relays: {}", texts.join(", ")),
            (false, false) => format!("relays: {}; relay_secret: another", texts.join(", ")),
        }))
    }
}

/// What admins decided, whatever the operator did.
async fn stored(conn: &mut Conn, seals: &Seals) -> Result<Settings, Error> {
    let row = sql("select voice, registration, link_previews, email_confirmation, turn_urls, turn_secret
                   from settings where id = 1")
    .one(conn)
    .await?;
    let urls = row.text("turn_urls")?;
    let url = |text: &str| text.parse().map_err(|_| Error::Stored { what: "relay", value: text.to_owned() });
    Ok(Settings {
        voice: switch(row.text("voice")?)?,
        registration: registration(row.text("registration")?)?,
        link_previews: switch(row.text("link_previews")?)?,
        email_confirmation: switch(row.text("email_confirmation")?)?,
        relay_urls: urls.split_whitespace().map(url).collect::<Result<_, _>>()?,
        relay_secret: seals
            .open(SEALED_AS, &row.text("turn_secret")?)
            .and_then(|secret| Secret::parse(&secret)),
    })
}

fn name_of(change: &ServerSetting) -> SettingName {
    match change {
        ServerSetting::Voice(_) => SettingName::Voice,
        ServerSetting::Registration(_) => SettingName::Registration,
        ServerSetting::LinkPreviews(_) => SettingName::LinkPreviews,
        ServerSetting::EmailConfirmation(_) => SettingName::EmailConfirmation,
        ServerSetting::Relays { .. } => SettingName::Relays,
    }
}

fn switch_text(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn switch(text: String) -> Result<bool, Error> {
    match text.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Error::Stored { what: "switch", value: text }),
    }
}

fn registration_text(registration: Registration) -> &'static str {
    match registration {
        Registration::Open => "open",
        Registration::Closed => "closed",
    }
}

fn registration(text: String) -> Result<Registration, Error> {
    match text.as_str() {
        "open" => Ok(Registration::Open),
        "closed" => Ok(Registration::Closed),
        _ => Err(Error::Stored { what: "registration", value: text }),
    }
}
