//! A thread that reads every few seconds what the metrics show of process and disk. A disk that
//! hangs makes this thread wait, and never the loop.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use crate::{
    clock::{self, Clock},
    data_directory,
    metrics::Sample,
    ops::logging::Logging,
};

/// Time between two readings.
const EVERY: Duration = Duration::from_secs(5);

/// The handle of the thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Sampler {
    sample: Arc<Sample>,
    _ends: mpsc::Sender<()>,
}

impl Sampler {
    /// Reads everything once, and starts the thread. The sample's uptime counts from now on.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(directory: &Path, logging: &Logging) -> io::Result<Self> {
        let sample = Arc::new(Sample::default());
        let source = Source {
            clock: Clock::start(),
            directory: directory.to_owned(),
            logging: logging.clone(),
        };
        let since_1970 = clock::since_1970().and_then(|now| u64::try_from(now.as_millis()).ok());
        sample.started_millis.set(since_1970);
        source.read(&sample);
        let (_ends, end) = mpsc::channel();
        let filled = sample.clone();
        thread::Builder::new().name("sampler".to_owned()).spawn(move || {
            while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                source.read(&filled);
            }
        })?;
        Ok(Self { sample, _ends })
    }

    /// What was read last.
    #[must_use]
    pub fn sample(&self) -> Arc<Sample> {
        self.sample.clone()
    }
}

struct Source {
    clock: Clock,
    directory: PathBuf,
    logging: Logging,
}

impl Source {
    fn read(&self, sample: &Sample) {
        process(sample);
        let size = |name: &str| {
            fs::metadata(self.directory.join(name)).ok().map(|metadata| metadata.len())
        };
        sample.database_bytes.set(size(data_directory::DATABASE));
        sample.wal_bytes.set(size(&format!("{}-wal", data_directory::DATABASE)));
        let disk = rustix::fs::statvfs(&self.directory).ok();
        sample.disk_free_bytes.set(disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)));
        sample.log_dropped.set(Some(self.logging.dropped()));
        sample.taken(self.clock.uptime());
    }
}

fn process(sample: &Sample) {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = Duration::try_from(cpu).ok();
    sample.cpu_millis.set(cpu.and_then(|cpu| u64::try_from(cpu.as_millis()).ok()));
    sample.max_fds.set(getrlimit(Resource::Nofile).current);
    // Other systems than Linux have no such files: then the numbers are unknown.
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    // The directory itself is open while it is read.
    sample.open_fds.set(open.map(|open| open.saturating_sub(1) as u64));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    sample.virtual_bytes.set(kibibytes(&status, "VmSize:"));
    sample.resident_bytes.set(kibibytes(&status, "VmRSS:"));
}

/// A number of bytes in the text of proc(5)'s `status`.
fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_bytes() {
        let status = "Name:\tcorreiod\nVmSize:\t  123 kB\nVmRSS:\t4 kB\n";
        assert_eq!(kibibytes(status, "VmSize:"), Some(123 * 1024));
        assert_eq!(kibibytes(status, "VmRSS:"), Some(4096));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
    }
}
