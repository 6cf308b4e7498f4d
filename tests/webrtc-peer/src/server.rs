//! A real server process, with a data folder of its own, gone when the value is.

use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::{Error, PATIENCE};

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Address of the page, as `Host` and `Origin` have it.
    pub host: String,
    // Killed when dropped, which is before the folder goes: fields drop in order.
    _process: Child,
    _data: TempDir,
}

impl Server {
    /// Starts one on loopback and free ports, with passwords that cost nothing.
    pub async fn start() -> Result<Self, Error> {
        let binary = binary()?;
        let not_started = |error: std::io::Error| Error::NotStarted(error.to_string());
        let data = TempDir::new().map_err(not_started)?;
        let mut process = Command::new(&binary)
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--voice-port", "0", "--voice-addresses", "127.0.0.1"])
            .args(["--password-memory-kib", "8", "--password-passes", "1"])
            .args(["--password-tries-per-minute", "0", "--log", "warn"])
            .arg("--data-dir")
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(not_started)?;
        let lines = process.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let lines = lines.ok_or_else(|| Error::NotStarted("it has no output".to_owned()))?;
        let port = tokio::time::timeout(PATIENCE, port(lines)).await;
        let port = port.map_err(|_| Error::NotStarted("it never said where the page is".to_owned()))??;
        Ok(Self { host: format!("127.0.0.1:{port}"), _process: process, _data: data })
    }
}

/// The port in the line `page: http://localhost:PORT`.
async fn port(mut lines: Lines<BufReader<ChildStdout>>) -> Result<u16, Error> {
    while let Some(line) = lines.next_line().await.map_err(|error| Error::NotStarted(error.to_string()))? {
        let Some(url) = line.strip_prefix("page:") else { continue };
        let port = url.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        // Read on, so that the server never waits for somebody to take what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        return port.ok_or(Error::NotStarted(line));
    }
    Err(Error::NotStarted("it ended at once".to_owned()))
}

/// `CROMULENT_BIN`, or the binary of the same build: `target/debug/cromulent` for `target/debug/deps/talk-…`.
fn binary() -> Result<PathBuf, Error> {
    let path = match std::env::var_os("CROMULENT_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let own = std::env::current_exe().map_err(|error| Error::NotStarted(error.to_string()))?;
            let folder = own.parent().map(|folder| match folder.ends_with("deps") {
                true => folder.parent().unwrap_or(folder),
                false => folder,
            });
            folder.map_or_else(PathBuf::new, |folder| folder.join("cromulent"))
        }
    };
    if path.is_file() { Ok(path) } else { Err(Error::NoBinary(path.display().to_string())) }
}
