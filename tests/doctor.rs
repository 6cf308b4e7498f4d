use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cromulent::clock::{Clock, Timestamp};
use cromulent::config::{Settings, SmtpTls};
use cromulent::doctor::{Finding, Report, Trust, Verdict};
use cromulent::examine;
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::mail::MailSink;
use crate::support::{TestServer, settings};

fn found<'a>(report: &'a Report, about: &str) -> Vec<&'a Finding> {
    report.findings.iter().filter(|finding| finding.about == about).collect()
}

/// What was found about one thing, of which nothing else was.
fn only<'a>(report: &'a Report, about: &str) -> &'a Finding {
    let found = found(report, about);
    assert_eq!(found.len(), 1, "{about}: {report}");
    found[0]
}

async fn nobody_trusted(settings: &Settings) -> Report {
    examine(settings, &Clock::System, &Trust::only(RootCertStore::empty())).await.unwrap()
}

/// What stands before a server and speaks TLS, as an operator's proxy does.
struct Proxy {
    address: SocketAddr,
    trust: Trust,
}

impl Proxy {
    /// With a certificate like this. One that is `deaf` takes no wish for a WebSocket along.
    async fn before(server: SocketAddr, params: CertificateParams, deaf: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        let made = CertifiedKey { cert, signing_key: key };
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let private = made.signing_key.serialize_der().try_into().unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Who breaks off is their own affair.
                    let Ok(mut outside) = acceptor.accept(stream).await else { return };
                    let mut inside = TcpStream::connect(server).await.unwrap();
                    let mut head = vec![0; 4096];
                    let length = outside.read(&mut head).await.unwrap_or(0);
                    let mut head = String::from_utf8_lossy(&head[..length]).into_owned();
                    if deaf {
                        head = head.replace("upgrade: websocket\r\n", "").replace("Upgrade", "close");
                    }
                    inside.write_all(head.as_bytes()).await.unwrap();
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        Self { address, trust: Trust::only(roots) }
    }

    /// What is found about a server that people reach through it.
    async fn examined(&self, server: &TestServer) -> Report {
        self.examined_at(server, &Clock::System).await
    }

    async fn examined_at(&self, server: &TestServer, clock: &Clock) -> Report {
        let mut settings = server.as_it_runs();
        settings.public_url = Some(format!("https://localhost:{}", self.address.port()));
        examine(&settings, clock, &self.trust).await.unwrap()
    }
}

fn certificate(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn what_is_set_up_well_has_no_faults_before_the_first_start_and_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = settings(&folder);
    before.data_dir = folder.path().join("new");
    before.database = None;
    let report = nobody_trusted(&before).await;
    assert_eq!(only(&report, "data folder").verdict, Verdict::Note, "{report}");
    assert_eq!(only(&report, "database").verdict, Verdict::Note, "{report}");
    assert_eq!(only(&report, "page port").verdict, Verdict::Good, "{report}");
    assert!(!before.data_dir.exists(), "it made something");

    let server = TestServer::start().await;
    let report = nobody_trusted(&server.as_it_runs()).await;
    assert!(only(&report, "page port").says.contains("a server of ours answers"), "{report}");
    assert_eq!(only(&report, "voice ports").verdict, Verdict::Good, "{report}");
}

#[tokio::test]
async fn a_port_that_a_stranger_has_is_a_fault_with_the_way_to_find_him() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = stranger.local_addr().unwrap().port();
    let mut taken = settings(&folder);
    taken.listen = stranger.local_addr().unwrap();
    // He takes calls and says nothing.
    drop(stranger);
    let stranger = std::net::TcpListener::bind(taken.listen).unwrap();
    let report = nobody_trusted(&taken).await;
    let finding = only(&report, "page port");
    assert_eq!(finding.verdict, Verdict::Fault, "{report}");
    assert!(finding.advice.as_ref().unwrap().contains(&format!("sport = {port}")), "{report}");
    assert!(report.has_faults());
    drop(stranger);
}

#[tokio::test]
async fn a_page_that_others_open_without_tls_has_no_microphone() {
    let folder = tempfile::tempdir().unwrap();
    let mut open = settings(&folder);
    open.listen = "0.0.0.0:0".parse().unwrap();
    let report = nobody_trusted(&open).await;
    assert!(only(&report, "page address").says.contains("no microphone"), "{report}");
    open.public_url = Some("http://chat.example.org".to_owned());
    let report = nobody_trusted(&open).await;
    assert!(only(&report, "page address").says.contains("is not https"), "{report}");
}

#[tokio::test]
async fn a_proxy_is_good_when_its_certificate_lasts_and_the_websocket_gets_through() {
    let server = TestServer::start().await;
    let report =
        Proxy::before(server.http().0, certificate("localhost"), false).await.examined(&server).await;
    for about in ["certificate", "page address", "websocket"] {
        assert_eq!(only(&report, about).verdict, Verdict::Good, "{report}");
    }

    let deaf = Proxy::before(server.http().0, certificate("localhost"), true).await.examined(&server).await;
    let finding = only(&deaf, "websocket");
    assert_eq!(finding.verdict, Verdict::Fault, "{deaf}");
    assert!(finding.advice.as_ref().unwrap().contains("proxy_set_header Upgrade"), "{deaf}");
}

#[tokio::test]
async fn a_certificate_that_browsers_refuse_says_why() {
    let server = TestServer::start().await;
    let advice = async |params: CertificateParams| {
        let report = Proxy::before(server.http().0, params, false).await.examined(&server).await;
        let finding = only(&report, "certificate").clone();
        assert_eq!(finding.verdict, Verdict::Fault, "{report}");
        finding.advice.unwrap()
    };
    let mut ended = certificate("localhost");
    ended.not_after = rcgen::date_time_ymd(2020, 1, 1);
    assert!(advice(ended).await.contains("renew it"));
    assert!(advice(certificate("other.example")).await.contains("another name"));
    let mut begins = certificate("localhost");
    begins.not_before = rcgen::date_time_ymd(2900, 1, 1);
    assert!(advice(begins).await.contains("clock"));

    let unknown = Proxy::before(server.http().0, certificate("localhost"), false).await;
    let unknown = Proxy { trust: Trust::only(RootCertStore::empty()), ..unknown };
    let report = unknown.examined(&server).await;
    assert_eq!(only(&report, "certificate").verdict, Verdict::Fault, "{report}");
}

#[tokio::test]
async fn a_certificate_that_nobody_renewed_is_a_fault_before_it_ends() {
    let server = TestServer::start().await;
    let mut ends = certificate("localhost");
    ends.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let proxy = Proxy::before(server.http().0, ends, false).await;
    // Half a day, and thirty days, before that.
    let ending = Timestamp::from_millis(4_102_444_800_000);
    let late = Clock::manual(ending - Duration::from_secs(12 * 60 * 60));
    let report = proxy.examined_at(&server, &late).await;
    assert!(only(&report, "certificate").says.contains("ends within 1 days"), "{report}");
    let early = Clock::manual(ending - Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(only(&proxy.examined_at(&server, &early).await, "certificate").verdict, Verdict::Good);
}

#[tokio::test]
async fn what_answers_for_us_and_is_not_us_is_a_fault() {
    let (server, other) = (TestServer::start().await, MailSink::start().await);
    let report = Proxy::before(other.address, certificate("localhost"), false).await.examined(&server).await;
    assert!(only(&report, "page address").says.contains("is not this server"), "{report}");
}

#[tokio::test]
async fn a_database_that_is_not_ours_and_a_mail_server_that_is_not_there_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.db");
    let letters = "no database at all, but long enough to look like one ".repeat(40);
    std::fs::write(&file, &letters).unwrap();
    let mut wrong = settings(&folder);
    wrong.database = Some(format!("sqlite:{}", file.display()).parse().unwrap());
    let report = nobody_trusted(&wrong).await;
    assert_eq!(only(&report, "database").verdict, Verdict::Fault, "{report}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letters, "it was changed");

    let mut right = settings(&folder);
    right.smtp_host = Some("127.0.0.1".to_owned());
    right.smtp_port = Some(MailSink::start().await.address.port());
    right.smtp_tls = SmtpTls::None;
    assert_eq!(only(&nobody_trusted(&right).await, "mail").verdict, Verdict::Good);
    // Nobody is there any more.
    right.smtp_port = Some(1);
    assert_eq!(only(&nobody_trusted(&right).await, "mail").verdict, Verdict::Fault);
}

#[tokio::test]
async fn a_database_in_use_is_looked_at_and_left_alone() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    assert_eq!(only(&nobody_trusted(&server.as_it_runs()).await, "database").verdict, Verdict::Good);
    ana.posts("still here").await;
}
