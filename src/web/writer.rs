//! What leaves a WebSocket, and when: answers, events and pings, gathered so that few calls of the system carry
//! them.
//!
//! Where a thousand people come in, each of them is told of each several times, and a call for each event would be
//! most of what a join costs. So the first event after a quiet moment leaves at once, and what follows within [`GAP`]
//! leaves together. An answer is waited for: it leaves at once, and takes along the events that wait.
//!
//! It must never know what is said. Start at [`write`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Sink, SinkExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::socket::{End, WRITE_TIMEOUT};
use super::websocket::text;
use crate::live::hub::{Connection, Next, QUEUE};
use crate::protocol::HEARTBEAT;

/// How long events are gathered after the last ones left. Nobody sees a fiftieth of a second, and it bounds what a
/// socket costs: fifty calls a second, whatever happens.
pub const GAP: Duration = Duration::from_millis(20);

/// Events that do not wait for each other any longer. A quarter of those that make a socket count as stuck: its
/// task must get its turn before the rest has come.
const ENOUGH: usize = QUEUE / 4;

/// Writes answers, events and pings until the connection or the peer ends.
pub(super) async fn write(
    connection: &Connection,
    generation: u64,
    mut answers: mpsc::Receiver<Utf8Bytes>,
    heard: &AtomicBool,
    gap: Duration,
    sink: &mut (impl Sink<Message> + Unpin),
) -> End {
    let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let mut patience = Patience::default();
    let mut gathering_until = Instant::now();
    loop {
        let mut frames: Vec<Message> = tokio::select! {
            // In this order: the welcome goes before the first event.
            biased;
            Some(answer) = answers.recv() => text(answer).collect(),
            () = events_are_due(connection, generation, gathering_until) => Vec::new(),
            _ = heartbeat.tick() => {
                // Anything heard since the last tick counts, pongs among it.
                if patience.tick(heard.swap(false, Ordering::Relaxed)) == Beat::GiveUp {
                    return End::Lost;
                }
                vec![Message::Ping(Bytes::new())]
            }
        };
        let with_events = match connection.take(generation) {
            Some(Next::Send(events)) => {
                frames.extend(events.into_iter().flat_map(text));
                true
            }
            Some(Next::Close(code)) if frames.is_empty() => return End::ClosedByServer(code),
            // What was to be said goes first; the next turn finds the end again.
            Some(Next::Close(_)) | None => false,
        };
        let send_all = async {
            for frame in frames {
                sink.feed(frame).await?;
            }
            sink.flush().await
        };
        if !matches!(timeout(WRITE_TIMEOUT, send_all).await, Ok(Ok(()))) {
            return End::Lost;
        }
        if with_events {
            gathering_until = Instant::now() + gap;
        }
    }
}

/// Waits until events should leave, or the connection ends. Nothing is woken or timed while there are none.
async fn events_are_due(connection: &Connection, generation: u64, gathering_until: Instant) {
    connection.holds(generation, 1).await;
    if Instant::now() < gathering_until {
        tokio::select! {
            () = connection.holds(generation, ENOUGH) => {}
            () = sleep_until(gathering_until) => {}
        }
    }
}

/// Whether a peer that says nothing is still believed to be there.
#[derive(Default)]
struct Patience {
    silent: u32,
}

/// What to do at a heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Beat {
    Ping,
    GiveUp,
}

impl Patience {
    /// One heartbeat has passed, in which something was `heard` or not. The second silence in a row is one too many:
    /// the ping after the first was not answered.
    fn tick(&mut self, heard: bool) -> Beat {
        self.silent = if heard { 0 } else { self.silent + 1 };
        if self.silent >= 2 { Beat::GiveUp } else { Beat::Ping }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use tokio::task::JoinHandle;

    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{IdSource, SessionId, UserId};
    use crate::live::hub::{Audience, Hub};
    use crate::protocol::close;
    use crate::protocol::server::ServerEvent;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    /// Longer than any test.
    const FOR_EVER: Duration = Duration::from_secs(3600);

    /// A peer that notes what came between two flushes.
    struct Peer {
        flushes: mpsc::UnboundedSender<Vec<String>>,
        said: Vec<String>,
    }

    impl Sink<Message> for Peer {
        type Error = Infallible;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
            self.said.push(message.to_text().unwrap().to_owned());
            Ok(())
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            let said = std::mem::take(&mut self.said);
            if !said.is_empty() {
                let _ = self.flushes.send(said);
            }
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
    }

    struct Setting {
        hub: Hub,
        user: UserId,
        session: SessionId,
        connection: Arc<Connection>,
    }

    /// A socket whose writer runs.
    struct Open {
        answers: mpsc::Sender<Utf8Bytes>,
        flushes: mpsc::UnboundedReceiver<Vec<String>>,
        writer: JoinHandle<End>,
    }

    impl Setting {
        /// Somebody connected; `ready` waits to be sent.
        fn new() -> Self {
            let (hub, ids) = (Hub::default(), IdSource::default());
            let (user, session) = (ids.next(NOW), ids.next(NOW));
            let connection = hub.connect(ids.next(NOW), user, session).unwrap();
            connection.open(&ServerEvent::ServerStopping);
            Self { hub, user, session, connection }
        }

        fn open(&self, generation: u64, gap: Duration) -> Open {
            let (answers, queue) = mpsc::channel(16);
            let (sender, flushes) = mpsc::unbounded_channel();
            let connection = self.connection.clone();
            let writer = tokio::spawn(async move {
                let mut peer = Peer { flushes: sender, said: Vec::new() };
                write(&connection, generation, queue, &AtomicBool::new(true), gap, &mut peer).await
            });
            Open { answers, flushes, writer }
        }

        async fn publish(&self, times: usize) {
            for _ in 0..times {
                self.hub.publish(Audience::Everyone, &ServerEvent::ServerStopping);
                // The writer has its turn after each.
                settle().await;
            }
        }
    }

    impl Open {
        /// How many frames came with the next flush.
        async fn next(&mut self) -> usize {
            self.flushes.recv().await.unwrap().len()
        }

        async fn is_quiet(&mut self) -> bool {
            settle().await;
            self.flushes.try_recv().is_err()
        }
    }

    async fn settle() {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_first_event_leaves_at_once_and_the_next_ones_together() {
        let setting = Setting::new();
        let mut socket = setting.open(0, FOR_EVER);
        assert_eq!(socket.next().await, 1);
        setting.publish(10).await;
        assert!(socket.is_quiet().await);
        // Neither an answer waits nor what waited before it.
        socket.answers.send("answer".into()).await.unwrap();
        let said = socket.flushes.recv().await.unwrap();
        assert_eq!(said[0], "answer");
        let numbers: Vec<_> = said[1..].iter().map(|event| event.split_once(',').unwrap().0).collect();
        assert_eq!(numbers, (2..=11).map(|seq| format!("{{\"seq\":{seq}")).collect::<Vec<_>>());
        assert!(socket.is_quiet().await);
    }

    #[tokio::test]
    async fn what_was_gathered_leaves_when_the_moment_is_over() {
        let setting = Setting::new();
        let mut socket = setting.open(0, Duration::from_millis(5));
        assert_eq!(socket.next().await, 1);
        for _ in 0..3 {
            for _ in 0..20 {
                setting.hub.publish(Audience::Everyone, &ServerEvent::ServerStopping);
            }
            assert_eq!(socket.next().await, 20);
        }
    }

    #[tokio::test]
    async fn many_events_wait_no_longer_and_make_no_socket_slow() {
        let setting = Setting::new();
        let mut socket = setting.open(0, FOR_EVER);
        assert_eq!(socket.next().await, 1);
        setting.publish(4 * QUEUE).await;
        for _ in 0..4 * QUEUE / ENOUGH {
            assert_eq!(socket.next().await, ENOUGH);
        }
        assert!(socket.is_quiet().await && !socket.writer.is_finished());
    }

    #[tokio::test]
    async fn welcome_comes_before_ready() {
        let setting = Setting::new();
        let mut socket = setting.open(0, FOR_EVER);
        socket.answers.try_send("welcome".into()).unwrap();
        let said = socket.flushes.recv().await.unwrap();
        assert_eq!(said.len(), 2);
        assert!(said[0] == "welcome" && said[1].starts_with("{\"seq\":1,"), "{said:?}");
    }

    #[tokio::test]
    async fn an_end_does_not_wait() {
        let setting = Setting::new();
        let mut socket = setting.open(0, FOR_EVER);
        assert_eq!(socket.next().await, 1);
        setting.publish(3).await;
        setting.connection.close(close::SIGNED_OUT);
        assert!(matches!(socket.writer.await.unwrap(), End::ClosedByServer(close::SIGNED_OUT)));
    }

    #[tokio::test]
    async fn a_second_socket_gets_at_once_what_the_first_one_gathered() {
        let setting = Setting::new();
        let mut first = setting.open(0, FOR_EVER);
        assert_eq!(first.next().await, 1);
        setting.publish(3).await;
        let id = setting.connection.id;
        let (_, generation) = setting.hub.resume(id, setting.user, setting.session, 1).unwrap();
        assert!(matches!(first.writer.await.unwrap(), End::ClosedByServer(close::REPLACED)));
        let mut second = setting.open(generation, FOR_EVER);
        assert_eq!(second.next().await, 3);
        setting.publish(1).await;
        assert!(second.is_quiet().await);
    }

    #[test]
    fn a_peer_is_given_up_after_a_ping_without_an_answer() {
        let mut patience = Patience::default();
        let beats = [true, false, true, false, false].map(|heard| patience.tick(heard));
        assert_eq!(beats, [Beat::Ping, Beat::Ping, Beat::Ping, Beat::Ping, Beat::GiveUp]);
    }
}
