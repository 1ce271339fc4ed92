//! Results that are recorded, saved, judged and compared.

use std::{fs, time::Duration};

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
        pauses: Vec::new(),
        interrupted: false,
        ledger: LedgerSummary { acknowledged: 5, received: 5, ..LedgerSummary::default() },
        backups: None,
        checks: Checks::default(),
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
    results.save(&mut fs::File::create(&path).unwrap()).unwrap();
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
    // A thousand latencies say nothing about the slowest of ten thousand.
    assert!(shares[shares.len() - 2] < 0.999, "{shares:?}");
    assert_eq!(results.operations[&Operation::Login].quantiles.len(), 1);
}

#[test]
fn results_of_before_are_still_read() {
    let mut results = results();
    let mut json = serde_json::to_value(&results).unwrap();
    let run = json["run"].as_object_mut().unwrap();
    assert!(run.remove("kills").is_some() && run.remove("seed").is_some());
    assert!(run.remove("checks").is_some() && run.remove("backups").is_some());
    assert!(run["ledger"].as_object_mut().unwrap().remove("unemptied").is_some());
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

fn backup(began: f64, outcome: BackupOutcome) -> BackupSummary {
    BackupSummary { began, seconds: 0.25, bytes: 2 << 20, mails: 7, waiting: 3, outcome }
}

#[test]
fn backups_are_sound_wrong_unverified_or_missing() {
    let wrong = || BackupOutcome::Wrong("check: no good".to_owned());
    let judged = |backups: Option<Vec<BackupSummary>>| {
        let mut results = results();
        results.run.backups = backups;
        let flaws = results.flaws(&[]);
        (results.backups_line().unwrap_or_default(), flaws, results)
    };
    let (line, flaws, _) = judged(None);
    assert_eq!((line.as_str(), flaws.as_slice()), ("", [].as_slice()));
    let sound = backup(1.0, BackupOutcome::Sound);
    let (line, flaws, _) = judged(Some(vec![sound.clone()]));
    assert!(line.starts_with("1 backups, each in 0.25 s") && line.contains("2.0 MiB"), "{line}");
    assert_eq!(flaws, []);
    let (line, flaws, mut results) =
        judged(Some(vec![sound.clone(), backup(2.0, wrong()), backup(3.0, wrong())]));
    assert!(line.contains("2 wrong") && line.contains("at 2.0 s: check: no good"), "{line}");
    assert_eq!(flaws, [Flaw::Backups(2, 3)]);
    assert_eq!(Ending::of(&flaws), Ending::Failed);
    assert!(results.table().contains("BACKUPS WRONG"));
    results.run.interrupted = true;
    assert_eq!(results.flaws(&[]), [Flaw::Backups(2, 3), Flaw::Interrupted]);
    let (line, flaws, mut results) =
        judged(Some(vec![sound, backup(2.0, BackupOutcome::Unverified)]));
    assert!(line.ends_with("1 were not verified"), "{line}");
    assert_eq!(flaws, [Flaw::UnverifiedBackups(1, 2)]);
    assert_eq!(Ending::of(&flaws), Ending::Unmeasured);
    results.run.interrupted = true;
    assert_eq!(results.flaws(&[]), [Flaw::Interrupted]);
    let (line, flaws, _) = judged(Some(Vec::new()));
    assert_eq!(
        (line.as_str(), flaws.as_slice()),
        ("no backup was taken", [Flaw::UnverifiedBackups(0, 0)].as_slice())
    );
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
        let expected = if holds { Outcome::Holds } else { Outcome::DoesNotHold };
        assert_eq!(condition.outcome(&results), expected, "{text}");
    }
    for text in
        ["", "send", "send.p99", "send.p99 > ", "send.p98 > 1", "sent.p99 > 1", "send.max > 1m"]
    {
        assert!(text.parse::<Condition>().is_err(), "{text:?}");
    }
}

#[test]
fn a_unit_that_does_not_fit_the_figure_is_refused() {
    for (text, takes) in [
        ("send.p99 > 1MiB", "a time"),
        ("send.p99 > 50", "a time"),
        ("send.max > 1/s", "a time"),
        ("send.errors > 1s", "a number without"),
        ("send.count > 1/s", "a number without"),
        ("send.rate < 5ms", "a number a second"),
        ("ledger.lost > 1B", "a number without"),
        ("schedule.missed > 1s", "a number without"),
        ("server.memory > 5s", "a size"),
        ("server.memory > 5", "a size"),
    ] {
        let error = text.parse::<Condition>().unwrap_err();
        assert!(
            matches!(&error, InvalidCondition::Unit(_, unit) if unit.contains(takes)),
            "{error}"
        );
    }
}

#[test]
fn what_was_not_measured_is_neither_above_nor_below() {
    let mut results = results();
    results.run.rate = None;
    results.run.ledger = LedgerSummary::default();
    results.timeline.iter_mut().for_each(|second| second.gauges.server_memory = None);
    let failed = Measured { errors: [("busy".to_owned(), 3)].into(), ..Measured::default() };
    results.operations.insert(Operation::Confirm, failed);
    for figure in [
        "ping.p50 > 1us",
        "ping.p90 > 1us",
        "ping.p99 < 1us",
        "ping.p99.9 > 1us",
        "ping.max > 1us",
        "ping.errors > 0",
        "confirm.p99 > 1us",
        "ledger.lost > 0",
        "ledger.doubled > 0",
        "ledger.misdelivered > 0",
        "ledger.changed > 0",
        "schedule.missed > 0",
        "server.memory > 1MiB",
    ] {
        let condition: Condition = figure.parse().unwrap();
        assert_eq!(condition.outcome(&results), Outcome::Unmeasured, "{figure}");
        assert_eq!(results.flaws(&[condition]), [Flaw::Unmeasured(figure.to_owned())]);
    }
    for counted in ["ping.count > 0", "ping.rate > 0", "confirm.errors < 3"] {
        let condition: Condition = counted.parse().unwrap();
        assert_eq!(condition.outcome(&results), Outcome::DoesNotHold, "{counted}");
    }
}

#[test]
fn a_run_is_told_beforehand_what_it_will_not_measure() {
    let operations = [Operation::Login, Operation::Receive].into();
    let run = Measures { operations, server: false, schedule: false };
    for (text, is_measured) in [
        ("login.p99 > 1s", true),
        ("register.p99 > 1s", true),
        ("confirm.p99 > 1s", true),
        ("send.p99 > 1s", false),
        ("ledger.lost > 0", false),
        ("schedule.missed > 0", false),
        ("server.memory > 1MiB", false),
    ] {
        let condition: Condition = text.parse().unwrap();
        assert_eq!(condition.is_measured_by(&run), is_measured, "{text}");
    }
}

/// The flaws of a run that has just one defect.
fn flaws_of(break_it: impl Fn(&mut Results)) -> (Vec<Flaw>, Ending) {
    let mut results = results();
    break_it(&mut results);
    let flaws = results.flaws(&[]);
    let ending = Ending::of(&flaws);
    (flaws, ending)
}

#[test]
fn every_flaw_is_found_and_has_its_ending() {
    assert_eq!(flaws_of(|_| {}), (vec![], Ending::Passed));
    type Break = fn(&mut Results);
    let cases: [(Break, Flaw, Ending); 14] = [
        (|r| r.run.ledger.lost = 1, Flaw::Ledger, Ending::Failed),
        (|r| r.run.ledger.doubled = 1, Flaw::Ledger, Ending::Failed),
        (|r| r.run.ledger.misdelivered = 1, Flaw::Ledger, Ending::Failed),
        (|r| r.run.ledger.changed = 1, Flaw::Ledger, Ending::Failed),
        (|r| r.run.ledger.unemptied = 22, Flaw::Unemptied(22), Ending::Failed),
        (
            |r| r.run.checks.server_failure = Some("gone".to_owned()),
            Flaw::Server("gone".to_owned()),
            Ending::Failed,
        ),
        (
            |r| {
                r.run.checks.users =
                    Some(UserCounts { expected: 3, came_in: 1, ..UserCounts::default() });
            },
            Flaw::Outside(2, 3),
            Ending::Failed,
        ),
        (
            |r| r.run.checks.users = Some(UserCounts { waited: 4, ..UserCounts::default() }),
            Flaw::MadeToWait(4),
            Ending::Failed,
        ),
        (
            |r| r.run.checks.users = Some(UserCounts { let_in: 1, ..UserCounts::default() }),
            Flaw::LetIn(1),
            Ending::Failed,
        ),
        (
            |r| r.run.checks.operations = vec![Operation::Send, Operation::Ping],
            Flaw::NotDone(vec![Operation::Ping]),
            Ending::Unmeasured,
        ),
        (
            |r| (r.run.missed, r.run.checks.scheduled) = (3, 149),
            Flaw::Missed(3, 149),
            Ending::Unmeasured,
        ),
        (|r| r.run.checks.kills = 5, Flaw::Kills(1, 5), Ending::Unmeasured),
        (|r| r.run.checks.harmless = 9, Flaw::Harmless(9), Ending::Unmeasured),
        (|r| r.run.interrupted = true, Flaw::Interrupted, Ending::Interrupted),
    ];
    for (break_it, flaw, ending) in cases {
        assert_eq!(flaws_of(break_it), (vec![flaw], ending));
    }
    assert_eq!(Ending::of(&[Flaw::NothingCompared]), Ending::Unmeasured);
}

#[test]
fn an_operation_that_only_failed_was_not_done() {
    let (flaws, _) = flaws_of(|results| {
        let failed = Measured { errors: [("busy".to_owned(), 3)].into(), ..Measured::default() };
        results.operations.insert(Operation::Ping, failed);
        results.run.checks.operations = vec![Operation::Ping];
    });
    assert_eq!(flaws, [Flaw::NotDone(vec![Operation::Ping])]);
}

#[test]
fn a_few_scheduled_mails_may_be_due_before_anybody_is_there() {
    let (flaws, _) = flaws_of(|r| (r.run.missed, r.run.checks.scheduled) = (3, 150));
    assert_eq!(flaws, []);
}

#[test]
fn a_run_that_was_ended_early_is_not_blamed_for_what_it_left_but_for_what_it_saw() {
    let (flaws, ending) = flaws_of(|results| {
        results.run.interrupted = true;
        results.run.ledger.unemptied = 20;
        results.run.checks.operations = vec![Operation::Ping];
    });
    assert_eq!((flaws, ending), (vec![Flaw::Interrupted], Ending::Interrupted));
    let (flaws, ending) = flaws_of(|results| {
        results.run.interrupted = true;
        results.run.ledger.lost = 1;
    });
    assert_eq!((flaws, ending), (vec![Flaw::Ledger, Flaw::Interrupted], Ending::Failed));
}

#[test]
fn each_condition_that_is_given_is_obeyed() {
    let conditions = ["send.p99 > 50ms", "send.count > 5000", "send.errors > 0"];
    let conditions = conditions.map(|text| text.parse().unwrap());
    let holds = |text: &str| Flaw::Holds(text.to_owned());
    assert_eq!(results().flaws(&conditions), [holds("send.p99 > 50ms"), holds("send.errors > 0")]);
}

#[test]
fn no_two_endings_have_one_exit_status() {
    let mut statuses: Vec<_> = Ending::ALL.iter().map(|(ending, _)| ending.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses.len(), Ending::ALL.len());
    assert_eq!(Ending::Passed.status(), 0);
}

#[test]
fn what_is_done_while_mailboxes_are_emptied_counts_in_no_rate() {
    let mut recorder = Recorder::default();
    for _ in 0..10 {
        recorder.done(Operation::Receive, Duration::from_millis(1));
    }
    recorder.end_acting(Duration::from_secs(1));
    recorder.done(Operation::Receive, Duration::from_millis(1));
    recorder.done(Operation::Confirm, Duration::from_millis(1));
    let operations = recorder.finish(run()).operations;
    let of = |operation| (operations[&operation].count, operations[&operation].rate);
    assert_eq!(of(Operation::Receive), (11, 1.0));
    assert_eq!(of(Operation::Confirm), (1, 0.0));
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
    results.run.ledger.lost = 0;
    results.run.ledger.unemptied = 22;
    let table = results.table();
    assert!(table.contains("LEDGER NOT CLOSED") && table.contains("22 mailboxes not emptied"));
}

#[test]
fn two_results_stand_beside_one_another() {
    let first = results();
    let mut second = first.clone();
    second.operations.get_mut(&Operation::Send).unwrap().p50 *= 2;
    let table = compare(&first, &second);
    let row = table.lines().find(|line| line.starts_with("send p50")).unwrap();
    assert!(row.ends_with("2.00"), "{row}");
    assert!(have_something_in_common(&first, &second));
    second.operations.retain(|operation, _| *operation == Operation::Ping);
    assert!(!have_something_in_common(&first, &second));
    let table = compare(&first, &second);
    let row = table.lines().find(|line| line.starts_with("send rate")).unwrap();
    assert!(row.ends_with("100.0/s            -        -"), "{row}");
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
