use std::time::Duration;

use super::*;

pub(super) fn run() -> Run {
    Run {
        scenario: "smoke".to_owned(),
        began: "2026-11-23T12:00:00Z".to_owned(),
        seconds: 10.0,
        clients: 3,
        rate: Some(5.0),
        missed: 0,
        server: "correiod".to_owned(),
        machine: "two processors".to_owned(),
        seed: Some(7),
        restarts: 1,
        kills: vec![1.5],
        interrupted: false,
        ledger: LedgerSummary { acknowledged: 5, received: 5, ..LedgerSummary::default() },
        warnings: vec!["noisy".to_owned()],
    }
}

pub(super) fn results() -> Results {
    let mut recorder = Recorder::default();
    for milliseconds in 1..=1000 {
        recorder.done(Operation::Send, Duration::from_millis(milliseconds));
    }
    recorder.failed(Operation::Send, "busy");
    recorder.done(Operation::Login, Duration::from_secs(100_000));
    recorder.missed();
    let gauges = Gauges { server_memory: Some(3 << 20), ..Gauges::default() };
    recorder.end_second(Duration::from_secs(1), gauges);
    recorder.end_second(Duration::from_secs(2), Gauges::default());
    recorder.finish(run())
}

#[test]
fn percentiles_are_those_of_what_was_recorded() {
    let results = results();
    let send = &results.operations[&Operation::Send];
    assert_eq!((send.count, send.rate), (1000, 100.0));
    let near = |found: u64, expected: u64| found.abs_diff(expected) <= expected / 500;
    for (found, expected) in
        [(send.p50, 500_000), (send.p90, 900_000), (send.p99, 990_000), (send.max, 1_000_000)]
    {
        assert!(near(found, expected), "{found} is not {expected}");
    }
    assert!(near(results.operations[&Operation::Login].max, 600_000_000), "no longer than that");
    assert_eq!(results.timeline.len(), 2);
    assert_eq!(results.timeline[0].operations[&Operation::Send].errors, 1);
    assert!(results.timeline[1].operations.is_empty());
}

#[test]
fn what_is_saved_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results.json");
    let results = results();
    results.save(&path).unwrap();
    assert_eq!(Results::load(&path).unwrap(), results);
    fs::write(&path, "{}").unwrap();
    let error = format!("{:#}", Results::load(&path).unwrap_err());
    assert!(error.contains("results.json is no result of load-test"), "{error}");
}

#[test]
fn quantiles_lead_to_the_longest_time() {
    let results = results();
    let quantiles = &results.operations[&Operation::Send].quantiles;
    let (shares, times): (Vec<f64>, Vec<u64>) = quantiles.iter().copied().unzip();
    assert!(shares.is_sorted() && times.is_sorted(), "{quantiles:?}");
    assert_eq!(quantiles.first().unwrap().0, 0.0);
    assert_eq!(quantiles.last().unwrap(), &(1.0, results.operations[&Operation::Send].max));
    // A thousand times say nothing about one in ten thousand.
    assert!(shares[shares.len() - 2] < 0.999, "{shares:?}");
    assert_eq!(results.operations[&Operation::Login].quantiles.len(), 1);
}

#[test]
fn results_of_before_are_still_read() {
    let mut results = results();
    let mut json = serde_json::to_value(&results).unwrap();
    let run = json["run"].as_object_mut().unwrap();
    assert!(run.remove("kills").is_some() && run.remove("seed").is_some());
    for measured in json["operations"].as_object_mut().unwrap().values_mut() {
        assert!(measured.as_object_mut().unwrap().remove("quantiles").is_some());
    }
    results.run.kills.clear();
    results.run.seed = None;
    for measured in results.operations.values_mut() {
        measured.quantiles.clear();
    }
    assert_eq!(serde_json::from_value::<Results>(json).unwrap(), results);
}

#[test]
fn conditions_of_every_form() {
    let results = results();
    for (text, holds) in [
        ("send.p99 > 50ms", true),
        ("send.p99>2s", false),
        ("send.p99.9 >= 0.9 s", true),
        ("send.rate < 100", false),
        ("send.rate <= 100/s", true),
        ("send.errors > 0", true),
        ("ping.count > 0", false),
        ("ledger.lost > 0", false),
        ("schedule.missed >= 1", true),
        ("server.memory > 2MiB", true),
    ] {
        let condition: Condition = text.parse().unwrap();
        assert_eq!(condition.holds(&results), holds, "{text}");
    }
    for text in
        ["", "send", "send.p99", "send.p99 > ", "send.p98 > 1", "sent.p99 > 1", "send.max > 1m"]
    {
        assert!(text.parse::<Condition>().is_err(), "{text:?}");
    }
}

#[test]
fn the_table_says_what_became_of_the_mails() {
    let mut results = results();
    let table = results.table();
    for part in ["send", "1 busy", "ledger closed", "3.0 MiB", "killed 1 times", "warning: noisy"] {
        assert!(table.contains(part), "{part:?} is not in {table}");
    }
    results.run.ledger.lost = 1;
    results.run.ledger.examples = vec!["lost: 0".to_owned()];
    assert!(results.table().contains("LEDGER NOT CLOSED"));
}

#[test]
fn two_results_stand_beside_one_another() {
    let first = results();
    let mut second = first.clone();
    second.operations.get_mut(&Operation::Send).unwrap().p50 *= 2;
    let table = compare(&first, &second);
    let row = table.lines().find(|line| line.starts_with("send p50")).unwrap();
    assert!(row.ends_with("2.00"), "{row}");
}

#[test]
fn what_a_connection_costs_is_told_where_there_are_enough() {
    let cost = |seconds: &[(usize, u64)]| {
        let mut recorder = Recorder::default();
        for (second, (connections, memory)) in (1..).zip(seconds) {
            let gauges = Gauges {
                connections: *connections,
                server_memory: Some(*memory),
                ..Gauges::default()
            };
            recorder.end_second(Duration::from_secs(second), gauges);
        }
        recorder.finish(run()).memory_per_connection()
    };
    let load = (2100, 99_000_000);
    assert_eq!(cost(&[(100, 1_000_000), (1100, 2_000_000), (2100, 3_000_000), load]), Some(1000));
    assert_eq!(cost(&[(100, 1_000_000), (1000, 2_000_000)]), None);
    assert_eq!(cost(&[]), None);
}
