//! Rooms to meet in: a new server has one, and its first admin makes the others.
//!
//! Start at [`open`].

use std::time::Duration;

use super::Error;
use super::client::{self, Http, Socket};
use crate::protocol::client::Request;
use crate::protocol::error::ErrorCode;
use crate::protocol::rest::Register;
use crate::protocol::server::{Answer, ServerEvent};
use crate::protocol::types::ChannelKind;

/// How long an admin waits who has asked for too much at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes voice channels until there are as many, as the admin whom the setup link makes.
pub async fn open(http: Http, setup_token: String, rooms: u16) -> Result<(), Error> {
    let account = Register {
        email: "bench-admin@example.org".to_owned(),
        password: "bench-admin-has-a-password".to_owned(),
        username: "bench-admin".to_owned(),
        setup_token: Some(setup_token),
    };
    let cookie = http.register(&account).await?;
    let (mut socket, _) = Socket::open(http.0, &cookie, None).await?;
    let ServerEvent::Ready { snapshot } = socket.event().await? else {
        return Err(client::Error::Protocol("the first event is not `ready`".to_owned()).into());
    };
    let there = snapshot.channels.iter().filter(|channel| channel.kind == ChannelKind::Voice).count();
    for number in there..rooms.into() {
        let kind = ChannelKind::Voice;
        let create = Request::CreateChannel { name: format!("Bench {number}"), kind, settings: Vec::new() };
        let answer = loop {
            match socket.request(&create).await {
                Err(client::Error::Refused(why)) if why.code == ErrorCode::RateLimited => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => break answer?,
            }
        };
        let Answer::ChannelCreated { .. } = answer else {
            return Err(client::Error::Protocol("another answer to `create_channel`".to_owned()).into());
        };
    }
    Ok(())
}
