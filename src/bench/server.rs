//! The server that is measured: one that is there, or one's own, another process of the same binary with a
//! folder that goes when it does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::cpu::CpuTime;
use super::flags::Gso;
use super::{Error, memory};

/// How long a server may take to say where it is. It migrates an empty database and makes a certificate.
const START: Duration = Duration::from_secs(30);

/// What a server of our own is told.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Threads that forward voice; 0 for one per core.
    pub workers: u16,
    /// Voices that one hears at once.
    pub slots: u8,
    /// Where voice is.
    pub voice: IpAddr,
    /// Whether packets may go out several in one call.
    pub gso: Gso,
    /// What a connection may ask for in a second; 0 is no limit.
    pub requests_per_second: u32,
}

impl Default for Setup {
    /// As a server is when nobody says otherwise.
    fn default() -> Self {
        Self {
            workers: 0,
            slots: 8,
            voice: Ipv4Addr::LOCALHOST.into(),
            gso: Gso::Auto,
            requests_per_second: 20,
        }
    }
}

/// The server that is measured.
#[derive(Debug)]
pub enum Server {
    /// Started for the purpose.
    Own(Box<OwnServer>),
    /// One that was there.
    Given {
        /// Where its page is.
        address: SocketAddr,
        /// Its process, if it is known.
        pid: Option<u32>,
    },
}

impl Server {
    /// Where its page is.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Own(server) => server.address,
            Self::Given { address, .. } => *address,
        }
    }

    /// Threads that forward voice, if it is known.
    pub fn workers(&self) -> Option<usize> {
        match self {
            Self::Own(server) => Some(server.workers),
            Self::Given { .. } => None,
        }
    }

    /// What its process has cost, if that is known.
    pub fn cpu_time(&self) -> Result<Option<CpuTime>, Error> {
        let read = |pid| CpuTime::of(pid).map_err(|source| Error::NoCpuTime { pid, source });
        self.pid().map(read).transpose()
    }

    /// The memory of its process in bytes, if that can be read.
    pub fn resident(&self) -> Option<u64> {
        memory::resident(self.pid()?).ok()
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Own(server) => Some(server.pid),
            Self::Given { pid, .. } => *pid,
        }
    }
}

/// A server process of our own.
#[derive(Debug)]
pub struct OwnServer {
    /// Where its page is.
    pub address: SocketAddr,
    /// Threads that forward voice.
    pub workers: usize,
    /// Its process.
    pub pid: u32,
    /// The secret that makes the first admin.
    pub setup_token: String,
    // Before the folder: fields drop in order, and the process is killed when it drops.
    process: Child,
    _folder: Folder,
}

impl OwnServer {
    /// Starts `binary` on loopback and free ports, with passwords that cost nothing: not they are measured.
    pub async fn start(binary: &Path, setup: Setup) -> Result<Self, Error> {
        let Setup { workers, slots, voice, gso, requests_per_second } = setup;
        let gso = if gso == Gso::Auto { "auto" } else { "off" };
        let folder = Folder::new().map_err(|error| Error::NoServer(error.to_string()))?;
        let mut process = Command::new(binary)
            // Settings in the environment would change what is measured.
            .env_clear()
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--voice-port", "0", "--voice-gso", gso])
            .args(["--voice-addresses", &voice.to_string()])
            .args([
                "--password-memory-kib",
                "8",
                "--password-passes",
                "1",
                "--password-tries-per-minute",
                "0",
            ])
            .args(["--requests-per-second", &requests_per_second.to_string()])
            .args([
                "--voice-workers",
                &workers.to_string(),
                "--voice-slots",
                &slots.to_string(),
                "--log",
                "warn",
            ])
            .arg("--data-dir")
            .arg(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::NoServer(format!("{}: {error}", binary.display())))?;
        let output = process.stdout.take().map(|output| BufReader::new(output).lines());
        let (Some(pid), Some(mut output)) = (process.id(), output) else {
            return Err(Error::NoServer("it ended at once".to_owned()));
        };
        let (address, workers, setup_token) = tokio::time::timeout(START, places(&mut output))
            .await
            .map_err(|_| Error::NoServer("it never said where it is".to_owned()))??;
        // Read on, so that the server never waits for somebody to take what it says.
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        Ok(Self { address, workers, pid, setup_token, process, _folder: folder })
    }

    /// Ends it. Nothing in it is worth a goodbye.
    pub async fn stop(mut self) {
        // It may have ended by itself.
        let _ = self.process.kill().await;
    }
}

/// Reads on the server's output where its page is, how many ports voice has, and the secret of the setup link.
async fn places(output: &mut Lines<BufReader<ChildStdout>>) -> Result<(SocketAddr, usize, String), Error> {
    let (mut address, mut workers) = (None, 0);
    while let Some(line) = output.next_line().await.map_err(|error| Error::NoServer(error.to_string()))? {
        if let Some(url) = line.strip_prefix("page:") {
            let port = url.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok());
            address = port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        }
        if line.starts_with("voice:") {
            workers = line.split(',').count();
        }
        // The last that a new server says; ours is always new.
        if let (Some(address), Some(link)) = (address, line.strip_prefix("setup link:")) {
            let token = link.rsplit_once('/').map_or("", |(_, token)| token.trim());
            return Ok((address, workers, token.to_owned()));
        }
    }
    Err(Error::NoServer("it ended at once".to_owned()))
}

/// A folder under the system's temporary one, removed with all that is in it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let random = getrandom::u64().map_err(std::io::Error::other)?;
        let path = std::env::temp_dir().join(format!("cromulent-bench-{random:016x}"));
        // Fails on a name that is taken, which after 64 random bits is somebody's intention.
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in a folder that the system clears.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
