//! Writes the page of all metrics.

use correio_proto::message::ErrorCode;

use super::{
    counts::{Counts, RequestKind, Tally},
    facts::{Facts, Level, Reach},
    families::{self as all, Family},
    shared::{Sample, StoreCounts},
    text::{Format, Page},
};

/// Bytes for which a page has room from the start: more than a usual page has.
const ROOM: usize = 32 * 1024;

/// Writes all metrics as text. The work is bounded: some 500 lines.
pub(crate) fn render(
    format: Format,
    facts: &Facts,
    counts: &Counts,
    store: Option<&StoreCounts>,
    sample: &Sample,
) -> String {
    let mut page = Page::new(format, ROOM);
    page.family(&all::BUILD);
    page.sample(&all::BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    requests(&mut page, counts);
    page.family(&all::LOOP_SECONDS);
    page.histogram(&all::LOOP_SECONDS, &[], &counts.iteration);
    connections(&mut page, facts, counts);
    queues(&mut page, facts, counts);
    mail(&mut page, counts, store);
    page.single(&all::RECEIVED_BYTES, counts.received_bytes);
    page.single(&all::SENT_BYTES, counts.sent_bytes);
    let budgets =
        [("input", Some(facts.input)), ("output", Some(facts.output)), ("uploads", facts.uploads)];
    levels(&mut page, [&all::BUDGET_BYTES, &all::BUDGET_MAX_BYTES], "budget", budgets);
    files(&mut page, facts, store, sample);
    tally(&mut page, &all::HTTP_REQUESTS, "code", &counts.http);
    process(&mut page, facts, sample);
    page.finish()
}

fn requests(page: &mut Page, counts: &Counts) {
    let requests = || RequestKind::ALL.iter().zip(&counts.requests);
    page.family(&all::REQUEST_SECONDS);
    for (kind, request) in requests() {
        page.histogram(&all::REQUEST_SECONDS, &[("request", kind.as_str())], &request.time);
    }
    page.family(&all::REQUEST_ERRORS);
    for (kind, request) in requests() {
        for (code, count) in ErrorCode::ALL.iter().zip(request.errors) {
            if count > 0 {
                let labels = [("request", kind.as_str()), ("code", code.as_str())];
                page.sample(&all::REQUEST_ERRORS, &labels, count);
            }
        }
    }
    page.single(&all::PROTOCOL_ERRORS, counts.protocol_errors);
}

fn connections(page: &mut Page, facts: &Facts, counts: &Counts) {
    let now = &facts.connections;
    page.family(&all::CONNECTIONS);
    for (state, number) in [
        ("anonymous", now.anonymous),
        ("logged_in", now.logged_in),
        ("rejected", now.rejected),
        ("http", now.http),
    ] {
        page.sample(&all::CONNECTIONS, &[("state", state)], number);
    }
    page.family(&all::SESSIONS);
    for (protocol, number) in now.sessions() {
        page.sample(&all::SESSIONS, &[("protocol", protocol)], number);
    }
    page.single(&all::CONNECTIONS_MAX, now.max);
    page.single(&all::CONNECTIONS_OPENED, counts.opened);
    tally(page, &all::CONNECTIONS_CLOSED, "reason", &counts.closed);
    tally(page, &all::CONNECTIONS_REFUSED, "reason", &counts.refused);
}

fn queues(page: &mut Page, facts: &Facts, counts: &Counts) {
    let queues = [("store", facts.store_queue), ("hash", facts.hash_queue)];
    levels(page, [&all::QUEUE_JOBS, &all::QUEUE_JOBS_MAX], "queue", queues);
    tally(page, &all::QUEUE_FULL, "queue", &counts.queue_full);
}

fn mail(page: &mut Page, counts: &Counts, store: Option<&StoreCounts>) {
    page.single(&all::UNAVAILABLE, counts.unavailable);
    page.single(&all::LOGINS, counts.logins);
    page.single(&all::LOGINS_RESUMED, counts.logins_resumed);
    page.single(&all::ACCOUNTS_CREATED, counts.accounts_created);
    page.single(&all::ACCOUNTS_DELETED, counts.accounts_deleted);
    known(page, &all::ACCOUNTS, store.and_then(|store| store.accounts.get()));
    known(page, &all::MAILS_WAITING, store.and_then(|store| store.mails.get()));
    page.single(&all::MAILS_ACCEPTED, counts.mails_accepted);
    page.single(&all::MAILS_REPEATED, counts.mails_repeated);
    page.single(&all::MAILS_DELIVERED, counts.mails_delivered);
    page.single(&all::MAILS_DELETED, counts.mails_deleted);
}

fn files(page: &mut Page, facts: &Facts, store: Option<&StoreCounts>, sample: &Sample) {
    page.single(&all::STORE_READY, u8::from(facts.ready.is_ok()));
    if let Some(shared) = facts.shared {
        page.single(&all::DATABASE_REACHABLE, u8::from(shared.reach == Reach::Reached));
        known(page, &all::NODES, shared.nodes);
        page.single(&all::LOGINS_UNTOLD, shared.logins_untold);
    }
    if let Some(store) = store {
        page.family(&all::STORE_COMMIT_SECONDS);
        page.histogram(&all::STORE_COMMIT_SECONDS, &[], &store.commit.read());
        page.family(&all::STORE_GROUP_JOBS);
        page.histogram(&all::STORE_GROUP_JOBS, &[], &store.group.read());
    }
    let files = [("database", sample.database_bytes.get()), ("wal", sample.wal_bytes.get())];
    if files.iter().any(|(_, bytes)| bytes.is_some()) {
        page.family(&all::STORE_FILE_BYTES);
        for (file, bytes) in files.into_iter().filter_map(|(file, bytes)| Some((file, bytes?))) {
            page.sample(&all::STORE_FILE_BYTES, &[("file", file)], bytes);
        }
    }
    let given_back = store.and_then(|store| store.given_back_bytes.get());
    known(page, &all::STORE_GIVEN_BACK_BYTES, given_back);
    known(page, &all::DISK_FREE_BYTES, sample.disk_free_bytes.get());
    known(page, &all::LOG_LINES_DROPPED, sample.log_dropped.get());
}

fn process(page: &mut Page, facts: &Facts, sample: &Sample) {
    if let Some(age) = sample.age(facts.uptime) {
        page.single(&all::SAMPLE_AGE_SECONDS, age.as_secs_f64());
    }
    let seconds = |millis: u64| millis as f64 / 1000.0;
    if let Some(millis) = sample.cpu_millis.get() {
        page.single(&all::CPU_SECONDS, seconds(millis));
    }
    known(page, &all::OPEN_FDS, sample.open_fds.get());
    known(page, &all::MAX_FDS, sample.max_fds.get());
    known(page, &all::VIRTUAL_BYTES, sample.virtual_bytes.get());
    known(page, &all::RESIDENT_BYTES, sample.resident_bytes.get());
    if let Some(millis) = sample.started_millis.get() {
        page.single(&all::START_SECONDS, seconds(millis));
    }
}

fn tally(page: &mut Page, family: &Family, label: &str, tally: &Tally) {
    page.family(family);
    for (word, count) in tally.iter() {
        page.sample(family, &[(label, word)], count);
    }
}

/// Writes two metrics: the present numbers, and their bounds. Unknown numbers are left out.
fn levels<const N: usize>(
    page: &mut Page,
    [now, max]: [&Family; 2],
    label: &str,
    levels: [(&str, Option<Level>); N],
) {
    for (family, is_max) in [(now, false), (max, true)] {
        page.family(family);
        for (word, level) in levels {
            if let Some(level) = level {
                let number = if is_max { level.max } else { level.now };
                page.sample(family, &[(label, word)], number);
            }
        }
    }
}

fn known(page: &mut Page, family: &Family, value: Option<u64>) {
    if let Some(value) = value {
        page.single(family, value);
    }
}
