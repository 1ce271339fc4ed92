//! Whether Ctrl-Z may stop the program: whether a shell could let it go on.

use std::fs;

/// Whether a shell of this session controls the program's process group. The kernel ignores
/// SIGTSTP for a group without such a shell (POSIX: orphaned process group).
pub(super) fn has_job_control() -> bool {
    let Some(own) = ProcessStat::of("self") else {
        // A system without Linux's /proc: a program on a terminal usually has a shell.
        return true;
    };
    let mut ancestor = own.parent;
    while ancestor != 0 {
        match ProcessStat::of(&ancestor.to_string()) {
            Some(found) if found.group == own.group => ancestor = found.parent,
            Some(found) => return found.session == own.session,
            None => return false,
        }
    }
    false
}

/// A process's parent, group and session from `/proc/PID/stat`: 0 for each that is outside of the
/// PID namespace. The system calls return that 0, too, but rustix has no value for it.
struct ProcessStat {
    parent: u32,
    group: u32,
    session: u32,
}

impl ProcessStat {
    fn of(process: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in brackets, may contain anything. After it come the state and the numbers.
        let mut numbers = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        let mut next = || numbers.next()?.parse().ok();
        Some(Self { parent: next()?, group: next()?, session: next()? })
    }
}
