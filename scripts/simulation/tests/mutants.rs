//! Checks that the mutants' patches apply to the sources.

use std::{fs, path::Path, process::Command};

use correio_testing::skip;

#[test]
fn every_mutant_applies_to_the_sources() {
    if !skip::works("git", &["--version"]) {
        skip::skipped("this takes git");
        return;
    }
    let simulation = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in fs::read_dir(simulation.join("mutants")).unwrap() {
        let patch = entry.unwrap().path();
        let apply = ["apply", "--check"];
        let root = simulation.join("../..");
        let output = Command::new("git").args(apply).arg(&patch).current_dir(root).output();
        let output = output.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", patch.display());
        checked += 1;
    }
    assert!(checked > 10, "the mutants are found");
}
