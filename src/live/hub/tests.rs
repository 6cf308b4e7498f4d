//! Stories of connections: numbered, lost, resumed, slow, closed.

use super::*;
use crate::id::IdSource;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

struct Setting {
    hub: Hub,
    ids: IdSource,
    user: UserId,
    session: SessionId,
    channel: ChannelId,
}

impl Setting {
    fn new() -> Self {
        let ids = IdSource::default();
        Self { hub: Hub::default(), user: ids.next(NOW), session: ids.next(NOW), channel: ids.next(NOW), ids }
    }

    fn connected(&self) -> Arc<Connection> {
        let connection = self.hub.connect(self.ids.next(NOW), self.user, self.session).unwrap();
        self.hub.open_channels(&connection, &[self.channel]);
        connection.open(&ServerEvent::ServerStopping);
        connection
    }

    fn publish(&self, times: usize) {
        for _ in 0..times {
            self.hub.publish(Audience::Channel(self.channel), &ServerEvent::ServerStopping);
        }
    }
}

fn sent(connection: &Connection, generation: u64) -> Vec<u64> {
    match connection.take(generation) {
        Some(Next::Send(frames)) => frames
            .iter()
            .map(|frame| serde_json::from_str::<serde_json::Value>(frame).unwrap()["seq"].as_u64().unwrap())
            .collect(),
        Some(Next::Close(code)) => panic!("closed with {code}"),
        None => Vec::new(),
    }
}

#[test]
fn what_is_for_some_users_reaches_all_their_connections_and_nobody_else() {
    let setting = Setting::new();
    let mine = [setting.connected(), setting.connected()];
    let other = setting.hub.connect(setting.ids.next(NOW), setting.ids.next(NOW), setting.session).unwrap();
    other.open(&ServerEvent::ServerStopping);
    let nobody = setting.ids.next(NOW);
    setting.hub.publish(Audience::Users(&[nobody, setting.user]), &ServerEvent::ServerStopping);
    assert!(mine.iter().all(|connection| sent(connection, 0) == [1, 2]));
    assert_eq!(sent(&other, 0), [1]);
}

#[test]
fn events_are_numbered_from_one_and_ready_is_the_first() {
    let setting = Setting::new();
    let connection = setting.hub.connect(setting.ids.next(NOW), setting.user, setting.session).unwrap();
    setting.hub.open_channels(&connection, &[setting.channel]);
    setting.publish(2);
    assert!(connection.take(0).is_none(), "nothing goes before ready");
    connection.open(&ServerEvent::ServerStopping);
    assert_eq!(sent(&connection, 0), [1, 2, 3]);
    setting.publish(1);
    assert_eq!(sent(&connection, 0), [4]);
}

#[test]
fn a_lost_socket_misses_nothing_when_it_resumes() {
    let setting = Setting::new();
    let connection = setting.connected();
    setting.publish(9);
    assert_eq!(sent(&connection, 0).len(), 10);
    assert!(connection.detach(0, NOW));
    setting.publish(5);
    // The browser saw 7 of the 10; the last three were on the way when the network went.
    let (same, generation) = setting.hub.resume(connection.id, setting.user, setting.session, 7).unwrap();
    assert_eq!(sent(&same, generation), (8..=15).collect::<Vec<_>>());
}

#[test]
fn nobody_resumes_the_connection_of_another() {
    let setting = Setting::new();
    let connection = setting.connected();
    sent(&connection, 0);
    connection.detach(0, NOW);
    assert!(setting.hub.resume(connection.id, setting.ids.next(NOW), setting.session, 1).is_none());
    assert!(setting.hub.resume(connection.id, setting.user, setting.ids.next(NOW), 1).is_none());
    assert!(setting.hub.resume(connection.id, setting.user, setting.session, 2).is_none(), "the future");
    assert!(setting.hub.resume(connection.id, setting.user, setting.session, u64::MAX).is_none());
    assert!(setting.hub.resume(connection.id, setting.user, setting.session, 1).is_some());
}

#[test]
fn who_missed_ready_gets_a_new_one_and_the_old_one_is_not_kept() {
    let setting = Setting::new();
    let connection = setting.connected();
    assert_eq!(connection.lock().events.len(), 1);
    setting.publish(1);
    assert_eq!(sent(&connection, 0), [1, 2]);
    assert_eq!(connection.lock().events.len(), 1);
    connection.detach(0, NOW);
    assert!(setting.hub.resume(connection.id, setting.user, setting.session, 0).is_none());
    let (same, generation) = setting.hub.resume(connection.id, setting.user, setting.session, 1).unwrap();
    assert_eq!(sent(&same, generation), [2]);
}

#[test]
fn what_was_dropped_cannot_be_resumed() {
    let setting = Setting::new();
    let connection = setting.connected();
    sent(&connection, 0);
    connection.detach(0, NOW);
    setting.publish(REPLAY + 1);
    assert!(setting.hub.resume(connection.id, setting.user, setting.session, 1).is_none());
}

#[test]
fn a_slow_socket_is_closed_and_resumes_without_a_gap() {
    let setting = Setting::new();
    let connection = setting.connected();
    assert_eq!(sent(&connection, 0), [1]);
    setting.publish(QUEUE + 1);
    assert!(matches!(connection.take(0), Some(Next::Close(close::SLOW))));
    setting.publish(3);
    assert!(connection.detach(0, NOW));
    let (same, generation) = setting.hub.resume(connection.id, setting.user, setting.session, 1).unwrap();
    assert_eq!(sent(&same, generation), (2..=QUEUE as u64 + 5).collect::<Vec<_>>());
}

#[test]
fn a_second_socket_replaces_the_first() {
    let setting = Setting::new();
    let connection = setting.connected();
    sent(&connection, 0);
    let (same, generation) = setting.hub.resume(connection.id, setting.user, setting.session, 1).unwrap();
    assert!(matches!(connection.take(0), Some(Next::Close(close::REPLACED))));
    assert!(!connection.detach(0, NOW), "the old socket's end must not touch the new one");
    setting.publish(1);
    assert_eq!(sent(&same, generation), [2]);
}

#[test]
fn a_connection_without_a_socket_is_forgotten_in_time() {
    let setting = Setting::new();
    let connection = setting.connected();
    connection.detach(0, NOW);
    assert!(setting.hub.expire(NOW + REPLAY_FOR / 2).is_empty());
    assert_eq!(setting.hub.expire(NOW + REPLAY_FOR), [connection.id]);
    assert!(setting.hub.is_empty());
    assert!(setting.hub.by_channel.is_empty() && setting.hub.by_user.is_empty());
}

#[test]
fn one_user_cannot_take_all_places() {
    let setting = Setting::new();
    let all: Vec<_> = (0..CONNECTIONS_PER_USER).map(|_| setting.connected()).collect();
    let another = || setting.hub.connect(setting.ids.next(NOW), setting.user, setting.session);
    assert!(another().is_none());
    all[3].detach(0, NOW);
    assert!(another().is_some(), "one that waited for a socket makes place");
    assert_eq!(setting.hub.len(), CONNECTIONS_PER_USER);
}

#[test]
fn a_channel_that_is_opened_later_is_seen_once_and_left_with_the_rest() {
    let setting = Setting::new();
    let connection = setting.connected();
    sent(&connection, 0);
    let garden: ChannelId = setting.ids.next(NOW);
    assert!(!connection.sees(garden));
    setting.hub.open_to_all(garden);
    setting.hub.open_to_all(garden);
    assert!(connection.sees(garden));
    setting.hub.publish(Audience::Channel(garden), &ServerEvent::ServerStopping);
    assert_eq!(sent(&connection, 0), [2]);
    setting.hub.remove(connection.id);
    // Too late: a list must not keep who is gone.
    setting.hub.open_channels(&connection, &[setting.ids.next(NOW)]);
    assert!(setting.hub.by_channel.is_empty());
}

#[test]
fn ending_a_session_closes_its_connections_and_no_others() {
    let setting = Setting::new();
    let connection = setting.connected();
    let other = setting.hub.connect(setting.ids.next(NOW), setting.user, setting.ids.next(NOW)).unwrap();
    assert_eq!(setting.hub.close_session(setting.session), [connection.id]);
    assert!(matches!(connection.take(0), Some(Next::Close(close::SIGNED_OUT))));
    assert!(other.take(0).is_none());
}
