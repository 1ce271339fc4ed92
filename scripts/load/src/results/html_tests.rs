//! The page is well-formed for all results.

use std::time::Duration;

use roxmltree::{Document, Node};

use super::{
    tests::{results, run},
    *,
};

/// Parses the page, which is also valid XML, and passes it to a check.
fn with_page(results: &Results, check: impl Fn(&str, Node<'_, '_>)) {
    let page = results.html(&[]);
    let body = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let document = Document::parse(body).unwrap_or_else(|error| panic!("{error} in {page}"));
    check(&page, document.root());
}

fn texts(root: Node<'_, '_>, tag: &str) -> Vec<String> {
    let nodes = root.descendants().filter(|node| node.has_tag_name(tag));
    nodes
        .map(|node| node.descendants().filter(Node::is_text).filter_map(|n| n.text()).collect())
        .collect()
}

/// Every operation in three seconds, of which the middle one is empty.
fn busy() -> Results {
    let mut recorder = Recorder::default();
    for second in 1..=3 {
        for (number, operation) in Operation::ALL.into_iter().enumerate() {
            if second != 2 {
                recorder.done(operation, Duration::from_millis(number as u64 + second));
            }
        }
        let gauges = Gauges { server_memory: Some(second << 20), ..Gauges::default() };
        recorder.end_second(Duration::from_secs(second), gauges);
    }
    recorder.finish(run())
}

#[test]
fn every_operation_is_in_the_table_and_in_each_plot_of_operations() {
    with_page(&busy(), |_, root| {
        let cells = texts(root, "td");
        let legends = texts(root, "figcaption");
        for operation in Operation::ALL {
            assert!(cells.iter().any(|cell| cell == operation.as_str()), "{operation}");
            let named = legends.iter().filter(|legend| legend.contains(operation.as_str()));
            // Three plots: latency, percentiles, throughput.
            assert_eq!(named.count(), 5, "{operation}");
        }
        let titles = texts(root, "h2");
        assert!(titles.iter().any(|title| title == "Server's memory"), "{titles:?}");
        assert!(!titles.iter().any(|title| title == "Failures"), "nothing failed: {titles:?}");
    });
}

#[test]
fn the_heading_says_how_it_was_made() {
    let mut results = results();
    with_page(&results, |_, root| {
        let facts = texts(root, "dd");
        for fact in ["two processors", "10.0 s", "7", "1, after 1.5 s", "noisy"] {
            assert!(facts.iter().any(|found| found == fact), "{fact:?} is not in {facts:?}");
        }
        assert!(facts.iter().any(|found| found.starts_with("ledger closed")));
        assert!(texts(root, "h2").iter().any(|title| title == "Failures"));
    });
    results.run.ledger.lost = 1;
    with_page(&results, |page, _| {
        assert!(page.contains("<dd class=\"bad\">LEDGER NOT CLOSED"), "{page}");
    });
}

#[test]
fn a_page_says_whether_the_run_passed_and_by_which_conditions_not() {
    let results = results();
    assert!(results.html(&[]).contains("<dt>Result</dt><dd>passed</dd>"));
    let page = results.html(&["send.p99 > 50ms".parse().unwrap()]);
    assert!(page.contains("<dt>Failed</dt><dd class=\"bad\">send.p99 &gt; 50ms</dd>"), "{page}");
    assert!(!page.contains("<dt>Result</dt>"), "{page}");
}

#[test]
fn a_moment_without_connections_is_seen() {
    let mut recorder = Recorder::default();
    for (second, fewest) in [(1, 200), (2, 0), (3, 200)] {
        let gauges =
            Gauges { connections: 200, fewest_connections: Some(fewest), ..Gauges::default() };
        recorder.end_second(Duration::from_secs(second), gauges);
        // A moment is merged into the second before it.
        let moment = Gauges { fewest_connections: Some(200), ..gauges };
        recorder.end_second(Duration::from_millis(second * 1000 + 1), moment);
    }
    with_page(&recorder.finish(run()), |_, root| {
        let mut figures = root.descendants().filter(|node| node.has_tag_name("figure"));
        let figure = figures.next_back().unwrap();
        assert_eq!(texts(figure, "h2"), ["Connections"]);
        let line = |name: &str| {
            let mut titles = figure.descendants().filter(|node| node.has_tag_name("title"));
            let title = titles.find(|title| title.text() == Some(name)).unwrap();
            title.parent().unwrap().attribute("d").unwrap().to_owned()
        };
        // The lower end of the plot.
        assert!(line("fewest").contains(" 202.0L"), "{}", line("fewest"));
        assert!(!line("open").contains(" 202.0"), "{}", line("open"));
    });
}

#[test]
fn kills_are_marked_over_time_and_not_by_percentile() {
    with_page(&busy(), |_, root| {
        let marks = |node: Node<'_, '_>| {
            node.descendants()
                .filter(|n| n.attribute("d").is_some())
                .filter(|n| n.attribute("class") == Some("killed"))
                .count()
        };
        let figures = root.descendants().filter(|node| node.has_tag_name("figure"));
        for figure in figures {
            let title = texts(figure, "h2").concat();
            let expected = usize::from(title != "Latency by percentile");
            assert_eq!(marks(figure), expected, "{title}");
        }
    });
}

#[test]
fn text_from_outside_stays_text() {
    let evil = "</title><script src=\"//example.org\">'&\u{1b}";
    let mut results = results();
    results.run.scenario = evil.to_owned();
    results.run.server = evil.to_owned();
    results.run.warnings = vec![evil.to_owned()];
    let send = results.operations.get_mut(&Operation::Send).unwrap();
    send.errors = [(evil.to_owned(), 1)].into();
    with_page(&results, |page, root| {
        assert!(!page.contains("<script"), "{page}");
        let shown = evil.replace('\u{1b}', "\u{fffd}");
        assert_eq!(texts(root, "h1"), [format!("Load test: {shown}")]);
        assert!(texts(root, "td").contains(&format!("1 {shown}")));
    });
}

#[test]
fn nothing_is_fetched() {
    with_page(&busy(), |page, root| {
        for way in ["http:", "https:", "url(", "@import"] {
            assert!(!page.contains(way), "{way} is in {page}");
        }
        let fetching = ["script", "link", "img", "iframe", "object", "use", "image"];
        for node in root.descendants() {
            assert!(!fetching.contains(&node.tag_name().name()), "{node:?}");
            assert!(node.attribute("src").is_none() && node.attribute("href").is_none());
        }
    });
}

#[test]
fn a_run_of_nothing_has_a_page() {
    let mut empty = Recorder::default().finish(Run { seconds: 0.0, ..run() });
    for rate in [Some(1.0), None] {
        empty.run.rate = rate;
        with_page(&empty, |page, root| {
            assert!(texts(root, "p").contains(&"Nothing was measured.".to_owned()));
            assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        });
    }
    let mut failed = Recorder::default();
    failed.failed(Operation::Connect, "refused");
    failed.end_second(Duration::ZERO, Gauges::default());
    with_page(&failed.finish(run()), |page, _| assert!(!page.contains("NaN"), "{page}"));
}

#[test]
fn results_of_before_have_a_page() {
    let mut old = results();
    old.run.seed = None;
    old.run.kills.clear();
    for measured in old.operations.values_mut() {
        measured.quantiles.clear();
    }
    with_page(&old, |_, root| {
        let facts = texts(root, "dd");
        assert!(facts.contains(&"1, at unknown moments".to_owned()), "{facts:?}");
        let named = texts(root, "figcaption");
        assert_eq!(named.iter().filter(|legend| legend.contains("login")).count(), 5);
    });
}

#[test]
fn a_page_of_a_long_run_stays_small() {
    let mut recorder = Recorder::default();
    for second in 1..=4_000 {
        recorder.done(Operation::Ping, Duration::from_micros(second));
        recorder.end_second(Duration::from_secs(second), Gauges::default());
    }
    let results = recorder.finish(run());
    assert!(results.timeline.len() > 1_000);
    let size = results.html(&[]).len();
    assert!(size < 200_000, "{size} bytes");
}
