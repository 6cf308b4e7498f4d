//! The one HTTP request that is needed before the WebSocket, by hand.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;

/// The longest reply that is read: an account is a few hundred bytes.
const REPLY_MAX: u64 = 64 * 1024;

/// Posts JSON as the server's own page would; the cookie that comes back, as a request sends it.
pub(crate) async fn post_for_cookie(host: &str, path: &str, body: &Value) -> Result<String, Error> {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.map_err(connection)?;
    stream.write_all(request.as_bytes()).await.map_err(connection)?;
    let mut reply = Vec::new();
    stream.take(REPLY_MAX).read_to_end(&mut reply).await.map_err(connection)?;
    cookie_of(&String::from_utf8_lossy(&reply))
}

fn cookie_of(reply: &str) -> Result<String, Error> {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((reply, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
        return Err(Error::Refused(format!("{status}: {body}")));
    }
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut set = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let value = set.next().and_then(|(_, value)| value.split(';').next());
    value.map(|value| value.trim().to_owned()).ok_or_else(|| Error::Protocol(format!("no cookie in {head}")))
}

fn connection(error: std::io::Error) -> Error {
    Error::Connection(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_without_its_attributes() {
        let reply = "HTTP/1.1 201 Created\r\nset-cookie: session=abc; HttpOnly; Path=/\r\n\r\n{}";
        assert_eq!(cookie_of(reply).unwrap(), "session=abc");
    }

    #[test]
    fn a_refusal_is_told_as_it_came() {
        let error =
            cookie_of("HTTP/1.1 409 Conflict\r\n\r\n{\"error\":{\"code\":\"name_taken\"}}").unwrap_err();
        assert!(error.to_string().contains("name_taken"), "{error}");
    }
}
