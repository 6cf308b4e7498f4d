//! A real relay: Debian's coturn, on a free port, ended with the story.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep, timeout};

use super::PATIENCE;

pub struct Relay {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Relay {
    /// One that shares this secret.
    pub async fn start(secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Somebody may take it in between; then the story waits in vain and says so.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let child = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--realm=house"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers"])
            .arg(format!("--listening-port={}", address.port()))
            .args(["--use-auth-secret".to_owned(), format!("--static-auth-secret={secret}")])
            .args([format!("--pidfile={}", file("pid")), format!("--userdb={}", file("db"))])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("coturn is missing: sudo apt-get install --no-install-recommends coturn");
        let relay = Self { child, address, _folder: folder };
        let up = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, up).await.expect("the relay does not start");
        relay
    }

    pub fn url(&self, transport: &str) -> String {
        format!("turn:{}?transport={transport}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
