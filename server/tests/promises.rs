//! Reads the documents that name tests, and fails if a named test does not exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Text before the reason why a row cannot be tested.
const UNTESTED: &str = "not tested: ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether a file has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let named = format!("fn {name}(");
    let is_marked = |at: usize| {
        // Attributes and comments stand right above.
        let above = lines.iter().take(at).rev();
        let mut marks = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        marks.any(|line| *line == "#[test]")
    };
    // The suite that runs with each store lists its tests, and a macro marks them.
    let suite = text.split("contract! {").nth(1).and_then(|rest| rest.split('}').next());
    let is_listed = suite
        .is_some_and(|suite| suite.lines().any(|line| line.trim().strip_suffix(',') == Some(name)));
    lines.iter().enumerate().any(|(at, line)| {
        line.trim_start_matches("pub ").starts_with(&named) && (is_listed || is_marked(at))
    })
}

/// The tests that a text names, as file and name.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::")).collect()
}

/// Whether a cell without tests says why.
fn is_excused(held: &str) -> bool {
    held.strip_prefix(UNTESTED).is_some_and(|why| !why.is_empty())
}

/// Checks a table whose last column names tests. Returns the number of its rows, and what is wrong
/// with them.
fn look_at(document: &str) -> (usize, Vec<String>) {
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let held = *cells.last().unwrap();
        if held == "held by" || held.starts_with("---") {
            continue;
        }
        rows += 1;
        let tests = named(held);
        if tests.is_empty() && !is_excused(held) {
            wrong.push(format!("without a test or a reason: {line}"));
        }
        for (file, name) in tests {
            match fs::read_to_string(root().join(file)) {
                Ok(text) if has_test(&text, name) => {}
                Ok(_) => wrong.push(format!("{file} has no test {name}")),
                Err(error) => wrong.push(format!("{file}: {error}")),
            }
        }
    }
    (rows, wrong)
}

#[test]
fn every_fault_has_its_tests() {
    for (document, at_least) in [("server/FAULTS.md", 46), ("client/FAULTS.md", 0)] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let (rows, wrong) = look_at(&text);
        assert!(rows >= at_least, "the tables of {document} are found: {rows}");
        assert!(wrong.is_empty(), "{document}: {wrong:#?}");
    }
}

#[test]
fn what_is_promised_has_its_tests() {
    let promises = fs::read_to_string(root().join("server/PROMISES.md")).unwrap();
    let (rows, wrong) = look_at(&promises);
    assert!(rows >= 21, "both tables are found: {rows}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_does_not_exist_is_noticed() {
    let row = |held: &str| look_at(&format!("| a | b |\n| --- | --- |\n| x | {held} |\n"));
    let this = "server/tests/promises.rs";
    // The heading `| a | b |` counts as a row, since its last cell is not that of a real heading.
    let wrong = |held: &str| row(held).1.len() - row("not tested: x").1.len();
    assert_eq!(wrong(&format!("`{this}::every_fault_has_its_tests`")), 0);
    assert_eq!(wrong(&format!("`{this}::look_at`")), 1, "no test");
    assert_eq!(wrong(&format!("`{this}::every_fault`")), 1);
    assert_eq!(wrong("`server/tests/nowhere.rs::every_fault_has_its_tests`"), 1);
    assert_eq!(wrong(""), 1);
    assert_eq!(wrong("not tested: "), 1);
}

/// The anchor that a page shows for a heading: GitHub's rule.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The relative links of a document, as path and anchor.
fn links(text: &str) -> Vec<(&str, &str)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|target| !target.contains("://"));
    relative.map(|target| target.split_once('#').unwrap_or((target, ""))).collect()
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            documents(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let (mut found, mut followed, mut wrong) = (Vec::new(), 0, Vec::new());
    documents(&root(), &mut found);
    for document in &found {
        let text = fs::read_to_string(document).unwrap();
        for (path, wanted) in links(&text) {
            followed += 1;
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let has_anchor = || {
                let text = fs::read_to_string(&target).unwrap_or_default();
                text.lines().any(|line| line.starts_with('#') && anchor(line) == wanted)
            };
            if !target.exists() || !(wanted.is_empty() || has_anchor()) {
                wrong.push(format!("{}: {path}#{wanted}", document.display()));
            }
        }
    }
    assert!(followed > 30, "links are found: {followed}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
