//! The list of metrics, with name, type, labels and meaning of each. The table in OPERATING.md is
//! made from it.

/// Type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A count since the start. Its samples have the suffix `_total`.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Counts of values in buckets.
    Histogram,
    /// Labels alone. Its sample has the suffix `_info`.
    Info,
}

impl Kind {
    /// The suffix of the samples.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// A metric.
#[derive(Debug)]
pub(crate) struct Family {
    /// The name, without the suffix of the samples.
    pub(crate) name: &'static str,
    /// The type.
    pub(crate) kind: Kind,
    /// The labels of the samples, without a histogram's `le`.
    labels: &'static str,
    /// The meaning.
    pub(crate) help: &'static str,
}

/// Makes a constant for each metric, and the list of all.
macro_rules! families {
    ($( $constant:ident $kind:ident $name:literal [$labels:literal] $help:literal; )*) => {
        $(
            pub(crate) const $constant: Family =
                Family { name: $name, kind: Kind::$kind, labels: $labels, help: $help };
        )*

        /// All metrics, in the order in which they are shown.
        const ALL: &[Family] = &[$( $constant ),*];
    };
}

families! {
    BUILD Info "correio_build" ["version"] "Version of the server.";
    REQUEST_SECONDS Histogram "correio_request_seconds" ["request"]
        "Time from taking a request to its reply, waits for jobs included, by the clock that each iteration of the loop reads once. Requests that begin with program_ are commands of mail programs that ask the store, and logins and mails that are refused before.";
    REQUEST_ERRORS Counter "correio_request_errors" ["request, code"]
        "Requests that were answered with an error; shown once there is one.";
    PROTOCOL_ERRORS Counter "correio_protocol_errors" [""] "Inputs that are not requests.";
    LOOP_SECONDS Histogram "correio_loop_seconds" [""]
        "Work of one iteration of the loop, without the wait for events.";
    CONNECTIONS Gauge "correio_connections" ["state"]
        "Open connections: anonymous, logged_in (these are the sessions), rejected (being told of it), http.";
    SESSIONS Gauge "correio_sessions" ["protocol"]
        "Sessions, by the protocol of the client: correio, submission and pop3 (mail programs).";
    CONNECTIONS_MAX Gauge "correio_connections_max" [""]
        "Most connections of mail clients at a time.";
    CONNECTIONS_OPENED Counter "correio_connections_opened" [""]
        "Connections of mail clients that were opened.";
    CONNECTIONS_CLOSED Counter "correio_connections_closed" ["reason"]
        "Connections of mail clients that were closed.";
    CONNECTIONS_REFUSED Counter "correio_connections_refused" ["reason"]
        "Connections that were rejected; too_many_http are connections of HTTP, too_many_admin connections of the operator.";
    QUEUE_JOBS Gauge "correio_queue_jobs" ["queue"] "Jobs that wait for the store, or for a hash worker.";
    QUEUE_JOBS_MAX Gauge "correio_queue_jobs_max" ["queue"] "Most jobs that may wait.";
    QUEUE_FULL Counter "correio_queue_full" ["queue"] "Jobs that were refused because the queue was full.";
    UNAVAILABLE Counter "correio_unavailable" [""]
        "Requests that the store or a hash worker could not do, for example because the disk is full.";
    LOGINS Counter "correio_logins" [""]
        "Logins that succeeded, those with a ticket included. Failed logins are request errors of login, resume and program_login with code bad_credentials.";
    LOGINS_RESUMED Counter "correio_logins_resumed" [""] "Logins that succeeded with a resume ticket.";
    ACCOUNTS_CREATED Counter "correio_accounts_created" [""] "Accounts that were registered.";
    ACCOUNTS_DELETED Counter "correio_accounts_deleted" [""] "Accounts that were deleted.";
    ACCOUNTS Gauge "correio_accounts" [""]
        "Accounts of the store sqlite, as of the last count, which takes place once a minute; not shown with other stores.";
    MAILS_WAITING Gauge "correio_mails_waiting" [""]
        "Mails in all mailboxes of the store sqlite, as of the last count; the newest few thousand may be missing; not shown with other stores.";
    MAILS_ACCEPTED Counter "correio_mails_accepted" [""] "Mails that were stored for their recipients.";
    MAILS_REPEATED Counter "correio_mails_repeated" [""] "Mails that were sent again after they were stored.";
    MAILS_DELIVERED Counter "correio_mails_delivered" [""]
        "Mails that were sent to their recipients, in pages or one by one to mail programs; a mail that is fetched twice counts twice.";
    MAILS_DELETED Counter "correio_mails_deleted" [""] "Mails that were deleted after their confirmation.";
    RECEIVED_BYTES Counter "correio_received_bytes" [""] "Bytes that mail clients sent, TLS included.";
    SENT_BYTES Counter "correio_sent_bytes" [""] "Bytes that were sent to mail clients, TLS included.";
    BUDGET_BYTES Gauge "correio_budget_bytes" ["budget"]
        "Bytes of a shared budget in use: input (memory for incomplete frames, and for mails that mail programs send), output (memory for unread replies, and for mailboxes that mail programs read), uploads (contents in the store sqlite whose mails were not sent yet).";
    BUDGET_MAX_BYTES Gauge "correio_budget_max_bytes" ["budget"] "Size of the budget.";
    STORE_READY Gauge "correio_store_ready" [""]
        "1 while the store takes all jobs, 0 while /readyz answers 503.";
    DATABASE_REACHABLE Gauge "correio_database_reachable" [""]
        "1 while the database of the store postgres answers, otherwise 0; not shown with other stores.";
    NODES Gauge "correio_nodes" [""]
        "Servers on the database that were seen in the last ten seconds, as this one last read; not shown while that is unknown, nor with other stores than postgres.";
    LOGINS_UNTOLD Counter "correio_failed_logins_untold" [""]
        "Failed logins that the other servers on the database were not told of, because too many waited; not shown with other stores.";
    STORE_COMMIT_SECONDS Histogram "correio_store_commit_seconds" [""]
        "Time of a commit that changed something, its sync included.";
    STORE_GROUP_JOBS Histogram "correio_store_group_jobs" [""]
        "Jobs that one transaction made durable together.";
    STORE_FILE_BYTES Gauge "correio_store_file_bytes" ["file"]
        "Size of the files database and wal (its write-ahead log) of the store sqlite; not shown with other stores.";
    STORE_GIVEN_BACK_BYTES Counter "correio_store_given_back_bytes" [""]
        "Bytes by which the store sqlite has shortened its file database after mail was deleted; not shown with other stores.";
    DISK_FREE_BYTES Gauge "correio_disk_free_bytes" [""]
        "Free bytes of the data directory's file system.";
    LOG_LINES_DROPPED Counter "correio_log_lines_dropped" [""] "Lines of the log that were lost.";
    HTTP_REQUESTS Counter "correio_http_requests" ["code"] "Requests over HTTP, by the status of the answer.";
    SAMPLE_AGE_SECONDS Gauge "correio_sample_age_seconds" [""]
        "Age of the values that are read every few seconds: of the process, the files, the free disk and the log's lines.";
    CPU_SECONDS Counter "process_cpu_seconds" [""] "Processor time of the process.";
    OPEN_FDS Gauge "process_open_fds" [""] "Open file descriptors.";
    MAX_FDS Gauge "process_max_fds" [""] "Most open file descriptors.";
    VIRTUAL_BYTES Gauge "process_virtual_memory_bytes" [""] "Virtual memory.";
    RESIDENT_BYTES Gauge "process_resident_memory_bytes" [""] "Resident memory.";
    START_SECONDS Gauge "process_start_time_seconds" [""] "Start of the process, as seconds since 1970.";
}

/// The metrics as a table in Markdown, for OPERATING.md.
#[must_use]
pub fn markdown() -> String {
    let mut table = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for Family { name, kind, labels, help } in ALL {
        let (suffix, kind) = (kind.suffix(), kind.name());
        table.push_str(&format!("| `{name}{suffix}` | {kind} | {labels} | {help} |\n"));
    }
    table
}

/// Names of the samples of all metrics; of a histogram, without the suffixes of its parts.
#[must_use]
pub fn names() -> Vec<String> {
    ALL.iter().map(|family| format!("{}{}", family.name, family.kind.suffix())).collect()
}
