//! The network between real sockets. Nothing here asserts how long something took, only what came, in which order,
//! and what did not.

#![allow(clippy::unwrap_used, reason = "a test that meets something unexpected should stop right there")]

use std::net::SocketAddr;
use std::time::Duration;

use impaired::{Way, carry};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

/// No network of these tests takes so long; whoever waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// A packet of RTP with this number.
fn media(number: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 111, 0, number];
    packet.resize(100, 0);
    packet
}

/// What a test holds of a network.
struct Control {
    tell: mpsc::Sender<String>,
    answers: mpsc::UnboundedReceiver<String>,
}

impl Control {
    async fn says(&mut self, command: &str) -> Value {
        self.tell.send(command.to_owned()).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.answers.recv()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// A network before this server, and where to come in.
async fn network(upstream: SocketAddr) -> (Control, SocketAddr) {
    // A port that was free a moment ago, for both; another is taken when it no longer is.
    for _ in 0..20 {
        let listen = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (tell, commands) = mpsc::channel(8);
        let (answer, answers) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let answer = |line| drop(answer.send(line));
            runtime.block_on(carry(Way { listen, upstream, ports: 1 }, 1, commands, answer)).is_ok()
        });
        let mut control = Control { tell, answers };
        if let Some(line) = control.answers.recv().await {
            assert!(line.contains("listening"), "{line}");
            return (control, listen);
        }
    }
    panic!("no free port");
}

async fn receives(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut datagram = [0; 2048];
    let (length, from) =
        tokio::time::timeout(PATIENCE, socket.recv_from(&mut datagram)).await.unwrap().unwrap();
    (datagram[..length].to_vec(), from)
}

#[tokio::test]
async fn a_nat_that_forgets_comes_from_another_port_and_hears_no_more_at_the_old_one() {
    let [server, client] = [0, 1].map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).map(|socket| {
        socket.set_nonblocking(true).unwrap();
        UdpSocket::from_std(socket).unwrap()
    });
    let (mut control, front) = network(server.local_addr().unwrap()).await;
    client.send_to(&media(1), front).await.unwrap();
    let (_, old) = receives(&server).await;
    server.send_to(&media(2), old).await.unwrap();
    assert_eq!(receives(&client).await, (media(2), front));

    let rebound = control.says(r#"{"do": "rebind"}"#).await;
    assert_eq!((&rebound["done"], &rebound["clients"]), (&"rebind".into(), &1.into()));
    server.send_to(&media(3), old).await.unwrap();
    client.send_to(&media(4), front).await.unwrap();
    let (got, new) = receives(&server).await;
    assert_eq!(got, media(4));
    assert_ne!(old, new);
    server.send_to(&media(5), new).await.unwrap();
    assert_eq!(receives(&client).await.0, media(5), "what went to the old port is lost");
}

#[tokio::test]
async fn faults_can_be_switched_while_packets_come() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut control, front) = network(server.local_addr().unwrap()).await;
    let armed = control.says(r#"{"do": "arm", "up": {"loss": 1}}"#).await;
    assert_eq!(armed["done"], "arm");
    for number in 0..10 {
        client.send_to(&media(number), front).await.unwrap();
    }
    // They have been judged when the network says so.
    while control.says(r#"{"do": "figures"}"#).await["figures"]["up"]["media"]["lost"] != 10 {}
    control.says(r#"{"do": "arm", "up": {"delay": 100}, "down": {"loss": 1}}"#).await;
    for number in 10..20 {
        client.send_to(&media(number), front).await.unwrap();
    }
    for number in 10..20 {
        assert_eq!(receives(&server).await.0, media(number), "in order, and the first ten are gone");
    }
    control.says(r#"{"do": "disarm"}"#).await;
    control.says(r#"{"do": "blackout", "ms": 600000}"#).await;
    client.send_to(&media(20), front).await.unwrap();
    while control.says(r#"{"do": "figures"}"#).await["figures"]["up"]["dark"] != 1 {}
    control.says(r#"{"do": "blackout", "ms": 0}"#).await;
    client.send_to(&media(21), front).await.unwrap();
    assert_eq!(receives(&server).await.0, media(21));
}

#[tokio::test]
async fn a_stream_is_whole_and_in_order_whatever_is_wrong_until_it_is_cut() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut control, front) = network(server.local_addr().unwrap()).await;
    let faults = r#"{"loss": 0.05, "delay": 5, "jitter": 5, "rate": 20000}"#;
    control.says(&format!(r#"{{"do": "arm", "up": {faults}, "down": {faults}}}"#)).await;
    let mut client = TcpStream::connect(front).await.unwrap();
    let (mut served, _) = server.accept().await.unwrap();
    let sent: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
    let (got, ()) = tokio::join!(
        async {
            let mut got = vec![0; sent.len()];
            tokio::time::timeout(PATIENCE, served.read_exact(&mut got)).await.unwrap().unwrap();
            got
        },
        async { client.write_all(&sent).await.unwrap() }
    );
    assert!(got == sent);
    assert_eq!(control.says(r#"{"do": "cut"}"#).await["streams"], 1);
    let mut end = [0; 1];
    for stream in [&mut client, &mut served] {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut end)).await.unwrap();
        assert!(read.is_err(), "broken, not ended: {read:?}");
    }
}

#[tokio::test]
async fn a_wrong_command_is_answered_and_changes_nothing() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (mut control, _) = network(server.local_addr().unwrap()).await;
    for wrong in
        ["arm", "{}", r#"{"do": "fly"}"#, r#"{"do": "arm", "up": {"loss": 7}}"#, r#"{"do": "blackout"}"#]
    {
        assert!(control.says(wrong).await["error"].is_string(), "{wrong}");
    }
    drop(control.tell);
    let figures = tokio::time::timeout(PATIENCE, control.answers.recv()).await.unwrap().unwrap();
    assert!(figures.contains(r#""seen":0"#), "the last words are the figures: {figures}");
}
