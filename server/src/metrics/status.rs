//! Writes the numbers of the status page as JSON, which `server/status-schema.json` describes.
//!
//! The values are the metrics', as totals since the start: the page computes rates.

use correio_proto::{mail::Timestamp, message::ErrorCode};
use serde_json::{Map, Value, json};

use super::{
    Monitoring,
    counts::{Counts, RequestKind, Tally},
    facts::{Facts, Level, Reach},
    histogram::Histogram,
    shared::{Sample, StoreCounts},
    visitors::Visitor,
};

/// Writes the status: at most some 10 KiB of numbers, and the last events.
pub(crate) fn status(
    now: Timestamp,
    facts: &Facts,
    counts: &Counts,
    store: Option<&StoreCounts>,
    monitoring: &Monitoring,
) -> String {
    let sample = &monitoring.sample;
    let mut status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": now.0,
        "uptime": facts.uptime.as_secs_f64(),
        "started": sample.started_millis.get(),
        "ready": facts.ready.is_ok(),
        "not_ready": facts.ready.err(),
        "bounds": bounds(counts),
        "requests": requests(counts),
        "protocol_errors": counts.protocol_errors,
        "unavailable": counts.unavailable,
        "loop": histogram(&counts.iteration),
        "connections": connections(facts, counts),
        "queues": queues(facts, counts),
        "budgets": {
            "input": level(Some(facts.input)),
            "output": level(Some(facts.output)),
            "uploads": level(facts.uploads),
        },
        "mails": mails(counts, store),
        "accounts": {
            "now": store.and_then(|store| store.accounts.get()),
            "created": counts.accounts_created,
            "deleted": counts.accounts_deleted,
            "logins": counts.logins,
        },
        "bytes": { "received": counts.received_bytes, "sent": counts.sent_bytes },
        "store": store.map(|store| json!({
            "commit": histogram(&store.commit.read()),
            "group": histogram(&store.group.read()),
        })),
        "database": facts.shared.map(|shared| json!({
            "reachable": shared.reach == Reach::Reached,
            "nodes": shared.nodes,
        })),
        "visitors": counts.visitors.top().iter().map(visitor).collect::<Value>(),
        "http": tally(&counts.http),
    });
    if let Value::Object(members) = &mut status {
        members.extend(sampled(facts, sample));
    }
    with_events(&status, monitoring)
}

/// Adds the events, which are text in JSON, as the last member.
fn with_events(status: &Value, monitoring: &Monitoring) -> String {
    let (total, lines) = monitoring.recent.json();
    let text = status.to_string();
    let open = text.strip_suffix('}').unwrap_or(&text);
    format!("{open},\"events\":{{\"total\":{total},\"last\":{lines}}}}}\n")
}

/// Upper bounds of the buckets of times in seconds, without the last bucket, which has none.
fn bounds(counts: &Counts) -> Vec<f64> {
    counts.iteration.buckets().filter_map(|(bound, _)| bound).collect()
}

fn histogram(histogram: &Histogram) -> Value {
    json!({ "buckets": buckets(histogram), "sum": histogram.sum() })
}

/// The number of values up to each bound, and of all values.
fn buckets(histogram: &Histogram) -> Vec<u64> {
    histogram.buckets().map(|(_, count)| count).collect()
}

fn requests(counts: &Counts) -> Value {
    let mut requests = Map::new();
    for (kind, request) in RequestKind::ALL.iter().zip(&counts.requests) {
        let errors = ErrorCode::ALL.iter().zip(request.errors).filter(|(_, count)| *count > 0);
        let errors: Map<String, Value> =
            errors.map(|(code, count)| (code.as_str().to_owned(), count.into())).collect();
        let (buckets, sum) = (buckets(&request.time), request.time.sum());
        let shown = json!({ "buckets": buckets, "sum": sum, "errors": errors });
        requests.insert(kind.as_str().to_owned(), shown);
    }
    requests.into()
}

fn connections(facts: &Facts, counts: &Counts) -> Value {
    let now = &facts.connections;
    json!({
        "anonymous": now.anonymous,
        "logged_in": now.logged_in,
        "sessions": now.sessions().into_iter().map(|(protocol, number)| {
            (protocol.to_owned(), number.into())
        }).collect::<Map<String, Value>>(),
        "rejected": now.rejected,
        "http": now.http,
        "max": now.max,
        "opened": counts.opened,
        "closed": tally(&counts.closed),
        "refused": tally(&counts.refused),
    })
}

fn queues(facts: &Facts, counts: &Counts) -> Value {
    let mut queues = Map::new();
    for (name, now) in [("store", facts.store_queue), ("hash", facts.hash_queue)] {
        let full = counts.queue_full.iter().find(|(word, _)| *word == name);
        let full = full.map_or(0, |(_, count)| count);
        let shown = now.map(|Level { now, max }| json!({ "now": now, "max": max, "full": full }));
        queues.insert(name.to_owned(), shown.into());
    }
    queues.into()
}

fn mails(counts: &Counts, store: Option<&StoreCounts>) -> Value {
    json!({
        "waiting": store.and_then(|store| store.mails.get()),
        "accepted": counts.mails_accepted,
        "repeated": counts.mails_repeated,
        "delivered": counts.mails_delivered,
        "deleted": counts.mails_deleted,
    })
}

/// The values of process and disk, which a thread of its own has read.
fn sampled(facts: &Facts, sample: &Sample) -> Map<String, Value> {
    let disk = json!({
        "database": sample.database_bytes.get(),
        "wal": sample.wal_bytes.get(),
        "free": sample.disk_free_bytes.get(),
    });
    let process = json!({
        "cpu_seconds": sample.cpu_millis.get().map(|millis| millis as f64 / 1000.0),
        "open_fds": sample.open_fds.get(),
        "max_fds": sample.max_fds.get(),
        "virtual_bytes": sample.virtual_bytes.get(),
        "resident_bytes": sample.resident_bytes.get(),
    });
    let age = sample.age(facts.uptime).map(|age| age.as_secs_f64());
    [
        ("disk", disk),
        ("process", process),
        ("sample_age", age.into()),
        ("log_dropped", sample.log_dropped.get().into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

fn level(level: Option<Level>) -> Value {
    level.map(|Level { now, max }| json!({ "now": now, "max": max })).into()
}

fn tally(tally: &Tally) -> Value {
    let counts = tally.iter().map(|(word, count)| (word.to_owned(), count.into()));
    counts.collect::<Map<String, Value>>().into()
}

fn visitor(visitor: &Visitor) -> Value {
    json!({
        "address": visitor.address.to_string(),
        "connections": visitor.connections,
        "refusals": visitor.refusals,
        "failed_logins": visitor.failed_logins,
    })
}
