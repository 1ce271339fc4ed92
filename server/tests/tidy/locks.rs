//! The lock file of the fuzzing program, a workspace of its own that no build of correio updates.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::root;

fn table(path: &str) -> Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of a crate's dependencies in its manifest: those that every build needs, and all.
fn in_manifest(folder: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let manifest = table(&format!("{folder}/Cargo.toml"));
    let (mut needed, mut all) = (BTreeSet::new(), BTreeSet::new());
    for (name, value) in manifest["dependencies"].as_table().unwrap() {
        all.insert(name.clone());
        let is_optional = value.get("optional").and_then(Value::as_bool).unwrap_or_default();
        if !is_optional {
            needed.insert(name.clone());
        }
    }
    (needed, all)
}

#[test]
fn the_lock_of_the_fuzzing_program_has_the_dependencies_of_correio() {
    let lock = table("scripts/fuzz-targets/engine/Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    for folder in ["proto", "client", "server"] {
        let name = format!("correio-{folder}");
        let package = packages.iter().find(|of| of["name"].as_str() == Some(&name)).unwrap();
        let locked: BTreeSet<String> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            // A version follows if there are several.
            .filter_map(|of| of.as_str()?.split(' ').next().map(str::to_owned))
            .collect();
        let (needed, all) = in_manifest(folder);
        let how = "scripts/fuzz builds with --locked: run `cargo metadata` in \
                   scripts/fuzz-targets/engine and commit its Cargo.lock";
        assert_eq!(needed.difference(&locked).next(), None, "{name} is older there: {how}");
        assert_eq!(locked.difference(&all).next(), None, "{name} is older there: {how}");
    }
}
