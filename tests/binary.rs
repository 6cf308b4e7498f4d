use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cromulent::bench::client::Http;

use crate::support::mail::MailSink;
use crate::support::{TestUser, account, postgres};

const BINARY: &str = env!("CARGO_BIN_EXE_cromulent");

/// The real process, ended with the story.
struct Process(Child);

impl Process {
    /// Starts it on a port, or a free one for 0, and waits until it says where its page is.
    fn start(data: &Path, port: u16) -> (Self, SocketAddr) {
        Self::start_with(data, port, |command| command)
    }

    /// With more flags, or another environment.
    fn start_with(
        data: &Path,
        port: u16,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> (Self, SocketAddr) {
        let mut command = command(data);
        let mut child = change(&mut command)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--voice-port", "0", "--voice-workers", "1", "--voice-addresses", "127.0.0.1"])
            .args(["--password-memory-kib", "8", "--password-passes", "1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = address_in(&lines.next().expect("the server did not start").unwrap());
        // The pipe is kept open by a thread, so that later prints do not fail.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), address)
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

/// The binary on this folder, and on the database that belongs to it.
fn command(data: &Path) -> Command {
    on(Command::new(BINARY), data)
}

fn on(mut command: Command, data: &Path) -> Command {
    command.arg("--data-dir").arg(data);
    if let Some(address) = postgres::database_of(data) {
        command.env("CROMULENT_DATABASE", address);
    }
    command
}

/// `page:       http://localhost:8080`
fn address_in(line: &str) -> SocketAddr {
    let port = line.strip_prefix("page:").and_then(|url| url.rsplit(':').next()).unwrap();
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(arguments: &[&str]) -> (bool, String, String) {
    told(Command::new(BINARY).args(arguments).output().unwrap())
}

fn told(output: Output) -> (bool, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_is_the_manual() {
    let (good, help, _) = run(&["--help"]);
    assert!(good);
    for word in [
        "--listen",
        "CROMULENT_LISTEN",
        "127.0.0.1:8080",
        "--voice-port",
        "--data-dir",
        "--config",
        "--registration",
        "--link-previews",
        "bench",
        "reset-link",
    ] {
        assert!(help.contains(word), "--help does not mention {word}");
    }
}

#[tokio::test]
async fn the_console_hands_out_a_link_for_a_forgotten_password_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_process, address) = Process::start(&data, 0);
    let http = Http(address);
    http.register(&account("ana")).await.unwrap();
    let listen = address.to_string();
    let ask = |name: &str| {
        let mut command = Command::new(BINARY);
        command.args(["reset-link", name, "--listen", &listen]);
        on(command, &data).output().map(told).unwrap()
    };
    let (good, said, _) = ask("Ana");
    let link = said.lines().next().unwrap();
    assert!(good && link.starts_with(&format!("http://localhost:{}/reset/", address.port())), "{said}");
    let token = link.rsplit('/').next().unwrap();
    let body = serde_json::json!({ "token": token, "password": "a wholly new sentence" }).to_string();
    let reply = http.send(hyper::Method::POST, "/api/password/reset", None, body).await.unwrap();
    assert_eq!(reply.status, hyper::StatusCode::NO_CONTENT);
    assert!(http.sign_in("ana", "a wholly new sentence").await.is_ok());
    let (good, _, error) = ask("nobody");
    assert!(!good && error.contains("not found"), "{error}");
}

#[tokio::test]
async fn mail_goes_through_starttls_to_whom_the_system_trusts() {
    let (sink, certificate) = MailSink::with_tls().await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificate).unwrap();
    let (_process, address) = Process::start_with(&folder.path().join("data"), 0, |command| {
        command
            .args(["--smtp-host", "localhost", "--smtp-port", &sink.address.port().to_string()])
            .args(["--smtp-tls", "starttls", "--mail-from", "chat@example.org"])
            .env("SSL_CERT_FILE", &trusted)
    });
    let http = Http(address);
    http.register(&account("ana")).await.unwrap();
    let body = serde_json::json!({ "email": "ana@example.org" }).to_string();
    let reply = http.send(hyper::Method::POST, "/api/password/forgotten", None, body).await.unwrap();
    assert_eq!(reply.status, hyper::StatusCode::ACCEPTED);
    let letter = sink.next().await;
    assert!(letter.sealed && letter.to == ["ana@example.org"]);
    assert!(!letter.link("reset").is_empty());
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
    let (good, _, error) = run(&["--config", file.to_str().unwrap()]);
    assert!(!good && error.contains("there is no setting `listne`"), "{error}");
    let (good, _, error) = run(&["--listen", "nowhere"]);
    assert!(!good && error.contains("--listen"), "{error}");
    let (good, _, error) = run(&["--config", "/does/not/exist.toml"]);
    assert!(!good && error.contains("/does/not/exist.toml"), "{error}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let (good, _, error) =
        run(&["--listen", &address, "--data-dir", data.to_str().unwrap(), "--voice-port", "0"]);
    assert!(!good && error.contains(&address), "{error}");
}

#[test]
fn the_environment_counts_and_a_flag_goes_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .args(["--data-dir", folder.path().to_str().unwrap()])
        .env("CROMULENT_LISTEN", "not an address")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("not an address"));
}

#[test]
fn what_it_keeps_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep").join("data");
    let (_process, _) = Process::start(&data, 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_polite_signal_ends_it_well() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut process, _) = Process::start(folder.path(), 0);
        process.signal(signal);
        assert!(process.0.wait().unwrap().success(), "{signal}");
        assert!(!folder.path().join("cromulent.db-wal").exists(), "{signal}: the database was not closed");
    }
}

#[tokio::test]
async fn a_sudden_death_loses_no_acknowledged_message() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::start(folder.path(), 0);
    let cookie = Http(address).register(&account("ana")).await.unwrap();

    let mut writers = Vec::new();
    for number in 0..4 {
        let mut tab = TestUser::connect_at(address, "ana", cookie.clone()).await;
        writers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let channel = tab.general();
            for line in 0.. {
                let body = format!("{number}-{line}");
                let request = cromulent::protocol::client::Request::PostMessage {
                    channel,
                    body: body.clone(),
                    nonce: format!("{body}-nonce"),
                };
                match tab.socket.request(&request).await {
                    Ok(_) => acknowledged.push(body),
                    Err(cromulent::bench::client::Error::Refused(_)) => {}
                    Err(_) => break,
                }
            }
            acknowledged
        }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    process.signal("-KILL");
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    drop(process);
    assert!(acknowledged.len() > 20, "only {} messages before the end", acknowledged.len());

    let (_process, address) = Process::start(folder.path(), address.port());
    let mut ana = TestUser::connect_at(address, "ana", cookie).await;
    let mut stored = Vec::new();
    let mut cursor = cromulent::protocol::client::Cursor::Latest;
    loop {
        let (page, more) = ana.reads(cursor).await;
        cursor = cromulent::protocol::client::Cursor::Before(page[0].id);
        stored.extend(page.into_iter().map(|message| message.body));
        if !more {
            break;
        }
    }
    let lost: Vec<_> = acknowledged.iter().filter(|body| !stored.contains(body)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

#[test]
fn nothing_secret_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["--listen", "127.0.0.1:0"])
        .args(["--voice-port", "0", "--voice-addresses", "127.0.0.1", "--log", "trace"])
        .args(["--password-memory-kib", "8", "--password-passes", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // From the start: a server whose log nobody reads stands still when the pipe is full.
    let mut errors = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        errors.read_to_string(&mut log).unwrap();
        log
    });
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = address_in(line.trim());
    let cookie = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let cookie = Http(address).register(&account("ana")).await.unwrap();
        let mut ana = TestUser::connect_at(address, "ana", cookie.clone()).await;
        ana.posts("a very private sentence").await;
        cookie
    });
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    let log = reader.join().unwrap();
    assert!(!log.is_empty(), "nothing was logged at all");
    assert!(!log.contains('\u{1b}'), "a log that is no terminal has colours");
    let token = cookie.split('=').nth(1).unwrap();
    for secret in ["a very private sentence", crate::support::PASSWORD, token, "ana@example.org"] {
        let ours = log.lines().filter(|line| line.contains("cromulent") || line.contains("sfu"));
        assert!(ours.into_iter().all(|line| !line.contains(secret)), "the log holds {secret}");
    }
    // Here the drivers' lines count as well.
    assert!(!log.contains(postgres::PASSWORD), "the log holds the password of the database");
}
