//! The limit of open files: connections, the files sent over them, databases.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as this process may (`setrlimit(2)`): what shells and systemd give, 1,024, is for programs that
/// use `select(2)`. Answers the limit that holds then.
#[must_use]
pub fn raise_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    // `None` means no limit.
    limit.unwrap_or(u64::MAX)
}
