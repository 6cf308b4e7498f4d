//! How many files and sockets this process may have open.
//!
//! Systems give a process far fewer than it may have if it asks (1,024 of 524,288, say), for the sake of programs
//! that cannot cope with large numbers. Ours can. Start at [`allow_all`].

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit to what the system allows; how many that is. None when it could not be read.
///
/// Every person is a socket, and on the people's side two; at the limit whoever comes next is not let in.
pub fn allow_all() -> Option<u64> {
    let (allowed, most) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // Without the right to it things go on as they are.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, most, most).is_ok();
    Some(if raised { most } else { allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_allowed_is_allowed() {
        let most = getrlimit(Resource::RLIMIT_NOFILE).unwrap().1;
        assert_eq!(allow_all(), Some(most));
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0, most);
    }
}
