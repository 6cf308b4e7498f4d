//! Mail by SMTP: a line of letters, and a task that carries one after the other to the mail server.
//!
//! Must never know: why a letter is written. Start with [`Mailer::post`].
//!
//! Nobody waits for a letter to arrive: whoever asked is answered before, and so cannot tell from the time
//! whether there was anything to send. A letter that no mail server took is lost, which the log says; whoever
//! waits for it asks again.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::mpsc;

use crate::telemetry;

/// Letters that may wait. A mail server takes several a second; when it is away for minutes, those who come after
/// these are told nothing and ask again.
const LINE: usize = 256;

/// How long a mail server may take over one letter.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pauses before the second and the third try. Greylisting wants minutes, for which nobody at a page waits.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Which mail server, and as whom. Not `Debug`: it has a password.
#[derive(Clone)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is secured.
    pub tls: MailTls,
    /// Name and password, if it wants them.
    pub credentials: Option<(String, String)>,
    /// Who writes, as in `Cromulent <chat@example.org>`.
    pub from: String,
}

/// How the way to a mail server is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS, and nothing is sent before (RFC 3207).
    StartTls,
    /// Not at all; for a mail server on this machine.
    None,
}

/// A letter. Not `Debug`: what is in it is for one reader.
pub struct Letter {
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender is no address.
    #[error("`{0}` is no sender of mail; one is `Cromulent <chat@example.org>`")]
    From(String),
    /// TLS cannot be set up, or the mail server does not do what it should.
    #[error("mail: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// It lets itself be connected to and nothing more.
    #[error("mail: the server is not ready")]
    Unready,
}

/// The letterbox.
pub struct Mailer {
    line: mpsc::Sender<Letter>,
}

impl Mailer {
    /// A letterbox whose letters go to `server`. Whether that is there shows with the first letter.
    pub fn start(server: MailServer) -> Result<Self, Error> {
        let from: Mailbox = server.from.parse().map_err(|_| Error::From(server.from.clone()))?;
        let transport = transport(server, &from)?;
        let (line, letters) = mpsc::channel(LINE);
        tokio::spawn(carry(transport, from, letters));
        Ok(Self { line })
    }

    /// Puts a letter into the line; it may be lost on the way.
    pub fn post(&self, letter: Letter) {
        if self.line.try_send(letter).is_err() {
            telemetry::MAILS_LOST.add();
            tracing::error!("a mail is lost: too many wait for the mail server");
        }
    }
}

/// Goes to `server` as for a letter: connects, secures the way, signs in, and leaves.
pub async fn try_out(server: &MailServer) -> Result<(), Error> {
    let from: Mailbox = server.from.parse().map_err(|_| Error::From(server.from.clone()))?;
    match transport(server.clone(), &from)?.test_connection().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Unready),
        Err(error) => Err(error.into()),
    }
}

fn transport(server: MailServer, from: &Mailbox) -> Result<Transport, Error> {
    let tls = match server.tls {
        MailTls::Implicit => Tls::Wrapper(TlsParameters::new(server.host.clone())?),
        MailTls::StartTls => Tls::Required(TlsParameters::new(server.host.clone())?),
        MailTls::None => Tls::None,
    };
    // Called dangerous since it begins without TLS; the line above says what is wanted.
    let mut builder = Transport::builder_dangerous(server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE))
        .hello_name(ClientId::Domain(from.email.domain().to_owned()));
    if let Some((name, password)) = server.credentials {
        builder = builder.credentials(Credentials::new(name, password));
    }
    Ok(builder.build())
}

async fn carry(transport: Transport, from: Mailbox, mut letters: mpsc::Receiver<Letter>) {
    while let Some(letter) = letters.recv().await {
        let message = match message(&from, letter) {
            Ok(message) => message,
            Err(reason) => {
                lost(&reason);
                continue;
            }
        };
        let mut pauses = AGAIN_AFTER.into_iter();
        loop {
            match transport.send(message.clone()).await {
                Ok(_) => {
                    telemetry::MAILS_SENT.add();
                    break;
                }
                Err(error) => match if error.is_permanent() { None } else { pauses.next() } {
                    Some(pause) => {
                        tracing::warn!(%error, "the mail server did not take a mail yet");
                        tokio::time::sleep(pause).await;
                    }
                    None => {
                        lost(&error);
                        break;
                    }
                },
            }
        }
    }
}

fn lost(reason: &dyn std::fmt::Display) {
    telemetry::MAILS_LOST.add();
    tracing::error!(%reason, "a mail is lost");
}

fn message(from: &Mailbox, letter: Letter) -> Result<Message, String> {
    let to: Address = letter.to.parse().map_err(|_| "there is no such address".to_owned())?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(to: &str) -> Letter {
        Letter { to: to.to_owned(), subject: "Grüße".to_owned(), body: "Öffne\n.\nund lies".to_owned() }
    }

    #[test]
    fn a_letter_has_one_reader_and_nobody_adds_another() {
        let from: Mailbox = "Cromulent <chat@example.org>".parse().unwrap();
        let text = String::from_utf8(message(&from, letter("ana@example.org")).unwrap().formatted()).unwrap();
        assert!(text.contains("To: ana@example.org\r\n"), "{text}");
        for bad in
            ["", "ana", "a@b@c", "ana@example.org\r\nBcc: eve@example.org", "ana@example.org, eve@x.org"]
        {
            assert!(message(&from, letter(bad)).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_sender_that_is_none_is_told_at_the_start() {
        let server = |from: &str| MailServer {
            host: "localhost".to_owned(),
            port: 25,
            tls: MailTls::None,
            credentials: None,
            from: from.to_owned(),
        };
        assert!(Mailer::start(server("chat@example.org")).is_ok());
        assert!(matches!(Mailer::start(server("nobody")), Err(Error::From(from)) if from == "nobody"));
    }
}
