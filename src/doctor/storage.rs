//! What is kept: the folder of the data, and the database.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::db::{self, Address};

/// Bytes that should be free. A thousand people who write all day fill about a tenth of it in a year.
const FREE_WANTED: u64 = 2 << 30;

/// Bytes below which it is only a matter of days.
const FREE_NEEDED: u64 = 200 << 20;

pub(super) fn folder(folder: &Path) -> Vec<Finding> {
    const ABOUT: &str = "data folder";
    let name = folder.display();
    let found = match std::fs::metadata(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return vec![Finding::note(
                ABOUT,
                format!("{name} is not there yet"),
                "the first start makes it",
            )];
        }
        Err(error) => {
            return vec![Finding::fault(
                ABOUT,
                format!("{name}: {error}"),
                "run this, and the server, as the user who owns it, or set `data-dir`",
            )];
        }
    };
    let mut findings = Vec::new();
    let others = found.permissions().mode() & 0o077;
    if !found.is_dir() {
        findings.push(Finding::fault(ABOUT, format!("{name} is not a folder"), "set `data-dir` to one"));
    } else if nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK).is_err() {
        findings.push(Finding::fault(
            ABOUT,
            format!("{name} cannot be written to by this user"),
            "make it his (`chown`), or set `data-dir`",
        ));
    } else if others != 0 {
        findings.push(Finding::note(
            ABOUT,
            format!("{name} is open to other users of this machine"),
            format!("`chmod 700 {name}`: it holds everything anybody wrote"),
        ));
    } else {
        findings.push(Finding::good(ABOUT, format!("{name} is there, and nobody else's")));
    }
    if let Ok(space) = statvfs(folder) {
        findings.push(room(space.blocks_available() * space.fragment_size()));
    }
    findings
}

fn room(free: u64) -> Finding {
    const ABOUT: &str = "free space";
    let says = format!("{} MiB", free >> 20);
    if free < FREE_NEEDED {
        return Finding::fault(
            ABOUT,
            says,
            "make room: on a full disk nothing is stored, and nothing posted",
        );
    }
    if free < FREE_WANTED {
        return Finding::note(ABOUT, says, "watch it: on a full disk nothing is stored");
    }
    Finding::good(ABOUT, says)
}

pub(super) async fn database(address: &Address) -> Finding {
    const ABOUT: &str = "database";
    match db::look(address).await {
        Ok(db::Look::Good(what)) => Finding::good(ABOUT, format!("{address}: {what}")),
        Ok(db::Look::Absent) => {
            Finding::note(ABOUT, format!("{address} is not there yet"), "the first start makes it")
        }
        Err(error) => Finding::fault(
            ABOUT,
            error.to_string(),
            match address {
                Address::File(_) => {
                    "if it is damaged, start from a backup; if it is not ours, set `database`"
                }
                Address::Postgres(_) => "start it, or set `database`; its log says more",
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_full_disk_is_a_fault_and_a_small_one_is_told() {
        assert_eq!(room(10 << 20).verdict, Verdict::Fault);
        assert_eq!(room(1 << 30).verdict, Verdict::Note);
        assert_eq!(room(1 << 40).verdict, Verdict::Good);
    }

    #[test]
    fn a_folder_that_others_may_read_is_told() {
        let there = tempfile::tempdir().unwrap();
        let open =
            |mode| std::fs::set_permissions(there.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        open(0o755);
        assert_eq!(folder(there.path())[0].verdict, Verdict::Note);
        open(0o700);
        assert_eq!(folder(there.path())[0].verdict, Verdict::Good);
        let file = there.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(folder(&file)[0].verdict, Verdict::Fault);
        assert_eq!(folder(&there.path().join("nothing"))[0].verdict, Verdict::Note);
    }
}
