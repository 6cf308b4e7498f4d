//! What we write to people: one function per letter. Plain text, short, one link at most.
//!
//! Must never know: how letters travel, what is stored.

use super::Rules;
use super::tokens::Token;
use crate::mail::Letter;

/// To somebody whose address waits for its confirmation.
pub(super) fn confirm(rules: &Rules, email: &str, username: &str, token: &Token) -> Letter {
    let what = format!("somebody, most likely you, uses this address for the account {username}.");
    let end = "The link works once, within 7 days. If it was not you, do nothing.";
    linked(rules, email, "Confirm your e-mail address", &what, &link(rules, "confirm", token), end)
}

/// To the new address of somebody.
pub(super) fn change_email(rules: &Rules, email: &str, username: &str, token: &Token) -> Letter {
    let what = format!("the account {username} wants to use this address from now on.");
    let end = "The link works once, within 7 days. If it was not you, do nothing.";
    linked(rules, email, "Confirm your new e-mail address", &what, &link(rules, "confirm", token), end)
}

/// To somebody who forgot their password.
pub(super) fn reset_password(rules: &Rules, email: &str, username: &str, token: &Token) -> Letter {
    let what = format!("somebody, most likely you, asked for a new password for the account {username}.");
    let end =
        "The link works once, within a day. If it was not you, do nothing: your password stays as it is.";
    linked(rules, email, "Choose a new password", &what, &link(rules, "reset", token), end)
}

/// To somebody whose address was used for another registration.
pub(super) fn has_account(rules: &Rules, email: &str, username: &str) -> Letter {
    let what = format!(
        "somebody, perhaps you, tried to make an account with this address. It has one: {username}. If you forgot \
         its password, ask for a new one where you sign in."
    );
    linked(rules, email, "You have an account", &what, &rules.page, "If it was not you, do nothing.")
}

/// To somebody whose password is another one now.
pub(super) fn password_changed(rules: &Rules, email: &str) -> Letter {
    let what = "the password of your account was changed, and you are signed out elsewhere.";
    let end = "If it was not you, ask for a new password where you sign in, and tell your admin.";
    linked(rules, email, "Your password was changed", what, &rules.page, end)
}

/// To the old address of somebody who has another one now.
pub(super) fn email_changed(rules: &Rules, email: &str) -> Letter {
    let what = "your account uses another e-mail address now.";
    linked(
        rules,
        email,
        "Your e-mail address was changed",
        what,
        &rules.page,
        "If it was not you, tell your admin.",
    )
}

/// Where a one-time link leads.
pub(super) fn link(rules: &Rules, page: &str, token: &Token) -> String {
    format!("{}/{page}/{}", rules.page, token.text())
}

fn linked(rules: &Rules, email: &str, subject: &str, what: &str, link: &str, end: &str) -> Letter {
    Letter {
        to: email.to_owned(),
        subject: format!("{}: {subject}", rules.server_name),
        body: format!("Hello,\n\non {}, {what}\n\n{link}\n\n{end}\n", rules.server_name),
    }
}
