//! Those beside us: the mail server and the relays.

use super::Finding;
use crate::clock::Timestamp;
use crate::mail::{self, MailServer};
use crate::turn::{self, Tried};

/// How long what is asked of a relay is good: long enough to ask.
const ASKED_FOR: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) async fn mail(server: Option<&MailServer>) -> Option<Finding> {
    const ABOUT: &str = "mail";
    let server = server?;
    let at = format!("{}:{}", server.host, server.port);
    Some(match mail::try_out(server).await {
        Ok(()) => Finding::good(ABOUT, format!("{at} takes letters from us")),
        Err(error) => Finding::fault(
            ABOUT,
            format!("{at}: {error}"),
            "look at `smtp-host`, `smtp-port`, `smtp-tls`, `smtp-user` and its password file",
        ),
    })
}

pub(super) async fn relays(relays: Option<&(Vec<turn::Url>, turn::Secret)>, now: Timestamp) -> Vec<Finding> {
    let Some((urls, secret)) = relays else { return Vec::new() };
    let credentials = turn::credentials(secret, "doctor", now + ASKED_FOR);
    let mut findings = Vec::new();
    for url in urls {
        findings.push(judge(url, turn::try_out(url, &credentials).await));
    }
    findings
}

fn judge(url: &turn::Url, tried: Tried) -> Finding {
    const ABOUT: &str = "relay";
    match tried {
        Tried::Works { relay } => Finding::good(ABOUT, format!("{url} relays from {relay}")),
        Tried::NotTried => Finding::note(
            ABOUT,
            format!("{url} is inside TLS and not tried from here"),
            "try it in the page's settings",
        ),
        Tried::Refused => Finding::fault(
            ABOUT,
            format!("{url} does not take our name and password"),
            "its `static-auth-secret` must be what `turn-secret-file` holds, and both clocks must be right",
        ),
        Tried::Failed { code } => {
            Finding::fault(ABOUT, format!("{url} answers with error {code}"), "its log says more")
        }
        Tried::Unreachable => Finding::fault(
            ABOUT,
            format!("nobody answers at {url}"),
            "look whether it runs, and whether a firewall lets UDP and TCP to it",
        ),
        Tried::NotARelay => Finding::fault(
            ABOUT,
            format!("what answers at {url} is no relay that knows our secret"),
            "look at `turn-url` and at `use-auth-secret` of the relay",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn each_way_a_relay_fails_has_its_own_advice() {
        let url: turn::Url = "turn:relay.example.org:3478".parse().unwrap();
        let failures = [Tried::Refused, Tried::Failed { code: 508 }, Tried::Unreachable, Tried::NotARelay];
        let told: std::collections::BTreeSet<String> = failures
            .map(|tried| {
                let finding = judge(&url, tried);
                assert_eq!(finding.verdict, Verdict::Fault);
                finding.advice.unwrap()
            })
            .into();
        assert_eq!(told.len(), failures.len());
        let works = Tried::Works { relay: "198.51.100.7:50000".parse().unwrap() };
        assert_eq!(judge(&url, works).verdict, Verdict::Good);
    }
}
