//! Reads which file imports which, and fails if imports run in a circle or upwards.
//!
//! An import is a path that begins with `crate`, `super`, `self` or the name of a child module, in
//! a `use` or in an expression. Comments, strings and test modules are ignored.

use std::collections::{BTreeMap, BTreeSet};

use super::{is_test, sources_in};

/// Paths of modules in their crate, each with the modules it imports.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// A module's path from its crate's root: empty for the root itself.
type Module = Vec<String>;

/// A room, which is a module at the root of a crate, and the rooms below that it may import.
type Room = (&'static str, &'static [&'static str]);

/// The crates whose rooms are held, each with its rooms from the lowest to the highest.
const ROOMS: &[(&str, &[Room])] =
    &[("proto/src", PROTOCOL), ("server/src", SERVER), ("client/src", CLIENT)];

/// The files of the protocol.
const PROTOCOL: &[Room] = &[
    ("base32", &[]),
    ("buffer", &[]),
    ("fingerprint", &[]),
    ("invite", &["base32"]),
    ("recovery", &["base32"]),
    ("limits", &[]),
    ("realm", &[]),
    ("resume", &["limits"]),
    ("mail", &["limits"]),
    ("app_password", &["base32", "limits", "mail"]),
    ("capability", &["limits", "mail"]),
    ("credential", &["app_password", "limits", "mail", "realm"]),
    ("directory", &["limits", "mail"]),
    (
        "message",
        &[
            "app_password",
            "capability",
            "credential",
            "directory",
            "invite",
            "limits",
            "mail",
            "realm",
            "recovery",
            "resume",
        ],
    ),
    ("frame", &["limits", "mail"]),
    ("rfc5322", &["limits", "mail"]),
    ("wrong_protocol", &["frame", "message"]),
    ("tls", &["buffer", "fingerprint", "wrong_protocol"]),
    ("byte_channel", &["buffer", "fingerprint", "tls", "wrong_protocol"]),
    ("frame_channel", &["byte_channel", "frame", "tls", "wrong_protocol"]),
    (
        "channel",
        &[
            "buffer",
            "byte_channel",
            "fingerprint",
            "frame",
            "frame_channel",
            "tls",
            "wrong_protocol",
        ],
    ),
];

/// The rooms of the server.
const SERVER: &[Room] = &[
    ("cancel", &[]),
    ("clock", &[]),
    ("counted", &[]),
    ("data_directory", &[]),
    ("day", &[]),
    ("ids", &[]),
    ("mutex", &[]),
    ("peer_user", &[]),
    ("private_file", &[]),
    ("protocol", &[]),
    ("scratch", &[]),
    ("sysexits", &[]),
    ("waker", &[]),
    ("event", &["ids", "mutex"]),
    ("metrics", &["event"]),
    ("limits", &["ids", "metrics"]),
    ("auth", &["data_directory", "event", "ids", "metrics", "mutex", "private_file", "waker"]),
    (
        "store",
        &[
            "cancel",
            "clock",
            "counted",
            "data_directory",
            "day",
            "event",
            "ids",
            "metrics",
            "mutex",
            "scratch",
            "sysexits",
            "waker",
            "limits",
        ],
    ),
    ("session", &["clock", "counted", "event", "ids", "limits", "metrics", "auth", "store"]),
    ("admin", &["clock", "day", "event", "ids", "protocol", "auth", "store", "session"]),
    (
        "gateway",
        &[
            "clock", "counted", "event", "ids", "limits", "metrics", "protocol", "auth", "store",
            "session",
        ],
    ),
    (
        "engine",
        &[
            "clock", "day", "event", "ids", "metrics", "protocol", "limits", "auth", "store",
            "session", "admin", "gateway",
        ],
    ),
    (
        "ops",
        &[
            "cancel",
            "clock",
            "counted",
            "data_directory",
            "day",
            "event",
            "metrics",
            "mutex",
            "peer_user",
            "private_file",
            "protocol",
            "scratch",
            "sysexits",
            "waker",
            "limits",
            "auth",
            "store",
            "session",
            "ids",
            "admin",
            "gateway",
        ],
    ),
    (
        "reactor",
        &[
            "clock",
            "counted",
            "data_directory",
            "event",
            "ids",
            "peer_user",
            "protocol",
            "waker",
            "store",
            "engine",
            "ops",
        ],
    ),
    ("certificates", &[]),
    ("bound", &["certificates"]),
];

/// The rooms of the client's library.
const CLIENT: &[Room] = &[
    ("address", &[]),
    ("clock", &[]),
    ("keys", &[]),
    ("mutex", &[]),
    ("sanitize", &[]),
    ("cancel", &["mutex"]),
    ("id", &["clock"]),
    ("oneshot", &["cancel"]),
    ("files", &["cancel"]),
    ("message", &["cancel", "files", "id"]),
    ("trust", &["address", "cancel", "clock", "files"]),
    ("options", &["trust"]),
    ("storage", &["address", "cancel", "clock", "files", "id", "message", "mutex", "trust"]),
    ("client", &["trust"]),
    ("error", &["address", "storage", "trust"]),
    ("network", &["address", "cancel", "client", "error", "mutex", "oneshot", "options"]),
    (
        "service",
        &[
            "address", "cancel", "error", "mutex", "network", "oneshot", "options", "storage",
            "trust",
        ],
    ),
];

/// The crates whose files may not import each other in a circle.
const CRATES: &[&str] = &[
    "proto/src",
    "server/src",
    "client/src",
    "client/src/bin/correio",
    "scripts/fuzz-targets/src",
    "scripts/load/src",
    "scripts/simulation/src",
    "scripts/terminal/src",
    "scripts/testing/src",
];

#[test]
fn rooms_import_only_rooms_below() {
    let broken: Vec<_> = ROOMS
        .iter()
        .map(|(folder, rooms)| (folder, broken_imports(&graph_of(folder), rooms)))
        .filter(|(_, broken)| !broken.is_empty())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The imports of a crate that break the table of its rooms, and the listed rooms that are gone.
fn broken_imports(graph: &Graph, rooms: &[Room]) -> Vec<String> {
    let mut broken = Vec::new();
    for (index, (room, allowed)) in rooms.iter().enumerate() {
        let is_below = |name: &&str| rooms.iter().take(index).any(|(below, _)| below == name);
        if !allowed.iter().all(is_below) {
            broken.push(format!("{room} may import only rooms listed before it"));
        }
        if !graph.keys().any(|file| file.first().is_some_and(|first| first == room)) {
            broken.push(format!("{room} is gone"));
        }
    }
    for (file, imports) in graph {
        let Some(room) = file.first() else { continue };
        let Some((_, allowed)) = rooms.iter().find(|(name, _)| name == room) else {
            broken.push(format!("{room} is not listed"));
            continue;
        };
        for import in imports {
            let target = import.first().map_or("", String::as_str);
            if target != room && !allowed.contains(&target) {
                broken.push(format!("{} imports {}", name(file), name(import)));
            }
        }
    }
    broken
}

#[test]
fn files_import_each_other_in_no_circle() {
    let found: Vec<_> = CRATES
        .iter()
        .map(|folder| (folder, circles(&graph_of(folder))))
        .filter(|(_, circles)| !circles.is_empty())
        .collect();
    assert!(found.is_empty(), "files that import each other: {found:#?}");
}

#[test]
fn folders_import_each_other_in_no_circle() {
    let found: Vec<_> = CRATES
        .iter()
        .flat_map(|folder| {
            folder_circles(&graph_of(folder)).into_iter().map(move |at| (folder, at))
        })
        .collect();
    assert!(found.is_empty(), "folders that import each other: {found:#?}");
}

/// The circles of imports between the files and folders that stand beside each other in a folder. A
/// folder counts as one with all that is in it.
fn folder_circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let folders: BTreeSet<&[String]> =
        graph.keys().filter_map(|module| module.split_last()).map(|(_, folder)| folder).collect();
    folders.into_iter().flat_map(|folder| circles(&siblings(graph, folder))).collect()
}

/// The imports between the files and folders in a folder.
fn siblings(graph: &Graph, folder: &[String]) -> Graph {
    let sibling = |module: &Module| {
        let is_inside = module.len() > folder.len() && module.starts_with(folder);
        is_inside.then(|| module[..=folder.len()].to_vec())
    };
    let mut found = Graph::new();
    for (module, imports) in graph {
        let Some(from) = sibling(module) else { continue };
        let targets = imports.iter().filter_map(sibling).filter(|to| *to != from);
        found.entry(from.clone()).or_default().extend(targets);
    }
    found
}

/// The graph of the crate whose root is in this folder.
fn graph_of(folder: &str) -> Graph {
    let is_other_crate = |name: &str| {
        name == "server/src/main.rs" || (!folder.contains("/bin/") && name.contains("/bin/"))
    };
    let files: Vec<(Module, String)> = sources_in(&[folder])
        .into_iter()
        .filter(|(name, _)| !is_test(name) && !is_other_crate(name))
        .map(|(name, text)| (module_of(name.strip_prefix(folder).unwrap()), text))
        .collect();
    graph(&files)
}

/// The module that a file is, from its path in the crate.
fn module_of(path: &str) -> Module {
    let path = path.strip_suffix(".rs").unwrap();
    let mut module: Module =
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

fn graph(files: &[(Module, String)]) -> Graph {
    let modules: BTreeSet<&Module> = files.iter().map(|(module, _)| module).collect();
    let of_file = |(module, text): &(Module, String)| {
        let imports = Reader::new(module, text).paths().into_iter().map(|mut path| {
            while !path.is_empty() && !modules.contains(&path) {
                path.pop();
            }
            path
        });
        (module.clone(), imports.filter(|import| import != module).collect())
    };
    files.iter().map(of_file).collect()
}

fn name(module: &Module) -> String {
    match module.is_empty() {
        true => "(root)".to_owned(),
        false => module.join("::"),
    }
}

/// The groups of modules that reach each other, each sorted.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        graph.keys().map(|module| (module, reachable(graph, module))).collect();
    graph
        .keys()
        .filter(|module| reached[module].contains(module))
        .map(|module| {
            let is_mutual = |other: &&&Module| reached[*other].contains(module);
            reached[module].iter().filter(is_mutual).map(|other| name(other)).collect()
        })
        .collect()
}

/// The modules that a module imports, directly or through others.
fn reachable<'a>(graph: &'a Graph, from: &'a Module) -> BTreeSet<&'a Module> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for import in graph.get(module).into_iter().flatten() {
            if found.insert(import) {
                open.push(import);
            }
        }
    }
    found
}

/// Reads the paths of one file.
struct Reader {
    tokens: Vec<String>,
    at: usize,
    /// The module that the reader is in: the file's, or one written inside it.
    module: Module,
    /// Braces that are open.
    depth: usize,
    /// Depths at which modules written inside the file end.
    ends: Vec<usize>,
    children: BTreeSet<String>,
    paths: Vec<Module>,
}

impl Reader {
    fn new(module: &Module, text: &str) -> Self {
        let tokens = tokens(text);
        let is_child = |words: &&[String]| words[0] == "mod" && words[2] == ";";
        let children = tokens.windows(3).filter(is_child).map(|words| words[1].clone()).collect();
        let (at, depth, ends, paths) = (0, 0, Vec::new(), Vec::new());
        Self { tokens, at, module: module.clone(), depth, ends, children, paths }
    }

    /// The paths as they begin at the crate's root.
    fn paths(mut self) -> Vec<Module> {
        while self.at < self.tokens.len() {
            match self.token(0) {
                "{" => self.depth += 1,
                "}" => {
                    self.depth -= 1;
                    if self.ends.pop_if(|end| *end == self.depth).is_some() {
                        self.module.pop();
                    }
                }
                "mod" if self.token(2) == "{" => {
                    let name = self.token(1).to_owned();
                    if self.is_for_tests() {
                        self.skip_block();
                        continue;
                    }
                    self.ends.push(self.depth);
                    self.module.push(name);
                }
                "use" => {
                    self.at += 1;
                    self.tree(&[]);
                }
                _ if self.begins_path() => {
                    let path = self.plain_path();
                    self.add(&path);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.paths
    }

    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    /// Whether `#[cfg(test)]` stands before this token.
    fn is_for_tests(&self) -> bool {
        let before = self.tokens.get(..self.at).unwrap_or_default();
        before.ends_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(str::to_owned))
    }

    fn skip_block(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.token(0) {
                "{" => depth += 1,
                "}" if depth == 1 => {
                    self.at += 1;
                    return;
                }
                "}" => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Whether a path begins here that is not the rest of another one, or of a method call.
    fn begins_path(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        self.token(1) == "::" && !matches!(before.map(String::as_str), Some("::" | "." | "$"))
    }

    fn plain_path(&mut self) -> Vec<String> {
        let mut path = vec![self.token(0).to_owned()];
        while self.token(1) == "::" && self.token(2).starts_with(is_word) {
            path.push(self.token(2).to_owned());
            self.at += 2;
        }
        self.at += 1;
        path
    }

    /// Reads a tree of a `use`, to the token that ends it.
    fn tree(&mut self, before: &[String]) {
        let mut path = before.to_vec();
        let mut is_all = false;
        loop {
            match self.token(0) {
                "{" => {
                    while self.token(0) != "}" {
                        self.at += 1;
                        self.tree(&path);
                    }
                    self.at += 1;
                    return;
                }
                "," | "}" | ";" | "" => break,
                "as" => self.at += 1,
                "*" => is_all = true,
                "::" => {}
                word => path.push(word.to_owned()),
            }
            self.at += 1;
        }
        // Nothing stands after the last comma of a list.
        if is_all || path.len() > before.len() {
            self.add(&path);
        }
    }

    fn add(&mut self, path: &[String]) {
        let Some((first, rest)) = path.split_first() else { return };
        let (mut from, mut rest) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (self.module.clone(), rest),
            "super" => (self.module.clone(), path),
            _ if self.children.contains(first) => (self.module.clone(), path),
            _ => return,
        };
        while let Some(("super", after)) = rest.split_first().map(|(word, rest)| (&**word, rest)) {
            from.pop();
            rest = after;
        }
        from.extend(rest.iter().filter(|word| *word != "self").cloned());
        self.paths.push(from);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, `::` and single signs, without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if is_raw_string(rest) => raw_string(rest),
            '"' => string(rest),
            '\'' => quoted(rest),
            _ if is_word(first) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                found.push(rest[..length].to_owned());
                length
            }
            _ if rest.starts_with("::") => {
                found.push("::".to_owned());
                2
            }
            _ => {
                if !first.is_whitespace() {
                    found.push(first.to_string());
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    found
}

fn is_raw_string(text: &str) -> bool {
    let text = text.strip_prefix('b').unwrap_or(text);
    text.strip_prefix('r').is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
}

fn raw_string(text: &str) -> usize {
    let begin = text.find('"').unwrap();
    let hashes = text[..begin].matches('#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = begin + 1;
    text[inside..].find(&end).map_or(text.len(), |at| inside + at + end.len())
}

fn string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// A character in quotes, or only the quote of a lifetime.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, c))) => {
            let from = escaped + c.len_utf8();
            text[from..].find('\'').map_or(1, |end| from + end + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

#[test]
fn imports_are_read() {
    let text = r##"
        //! crate::comment
        use std::fmt;
        use crate::{ids::{AccountId, self}, store::sqlite::{open as opened, file::*}};
        pub(crate) use self::child::Thing;
        use child::Other;
        mod child;
        mod inside {
            use super::super::sibling;
            fn one<'a>(text: &'a str) -> char { '"' }
        }
        const TEXT: &str = "crate::string \" crate::string";
        const RAW: &str = r#"crate::raw " "#;
        fn two() { super::called::twice(); other::path(); '{'; b'\''; child::run(); }
        #[cfg(test)]
        mod tests {
            use crate::only::tests;
        }
        fn three() { crate::last(); }
    "##;
    let module = ["room", "file"].map(str::to_owned).to_vec();
    let paths: Vec<String> =
        Reader::new(&module, text).paths().iter().map(|path| path.join("::")).collect();
    let expected = [
        "ids::AccountId",
        "ids",
        "store::sqlite::open",
        "store::sqlite::file",
        "room::file::child::Thing",
        "room::file::child::Other",
        "room::sibling",
        "room::called::twice",
        "room::file::child::run",
        "last",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn broken_rooms_are_found() {
    let file = |name: &str, text: &str| (module_of(name), text.to_owned());
    let graph = graph(&[
        file("lib.rs", "mod high; mod low; mod new; use high::A;"),
        file("high/mod.rs", "mod inside; use crate::low::B; use inside::C;"),
        file("high/inside.rs", "use crate::Root;"),
        file("low.rs", "use crate::high::A;"),
        file("new.rs", ""),
    ]);
    let rooms: &[Room] = &[("low", &["gone"]), ("gone", &[]), ("high", &["low"])];
    let expected = [
        "low may import only rooms listed before it",
        "gone is gone",
        "high::inside imports (root)",
        "low imports high",
        "new is not listed",
    ];
    assert_eq!(broken_imports(&graph, rooms), expected);
}

#[test]
fn circles_are_found() {
    let file = |name: &str, text: &str| (module_of(name), text.to_owned());
    let files = [
        file("lib.rs", "mod room; mod leaf;"),
        file("room/mod.rs", "mod one; mod two; use one::A;"),
        file("room/one.rs", "use super::two::B;"),
        file("room/two.rs", "use crate::{leaf, room::Parent};"),
        file("leaf.rs", "fn f() { crate::leaf::g() }"),
    ];
    let expected = ["room", "room::one", "room::two"].map(str::to_owned).to_vec();
    assert_eq!(circles(&graph(&files)), BTreeSet::from([expected]));
    let without_import = files.map(|(module, text)| (module, text.replace("room::Parent", "")));
    assert!(circles(&graph(&without_import)).is_empty());
}

#[test]
fn circles_of_folders_are_found() {
    let file = |name: &str, text: &str| (module_of(name), text.to_owned());
    let files = [
        file("lib.rs", "mod room;"),
        file("room/mod.rs", "mod first; mod second;"),
        file("room/first/mod.rs", "mod a; mod b;"),
        file("room/first/a.rs", "use crate::room::second::c::C;"),
        file("room/first/b.rs", ""),
        file("room/second/mod.rs", "mod c; mod d;"),
        file("room/second/c.rs", ""),
        file("room/second/d.rs", "use crate::room::first::b::B;"),
    ];
    assert!(circles(&graph(&files)).is_empty(), "no file imports another in a circle");
    let expected = ["room::first", "room::second"].map(str::to_owned).to_vec();
    assert_eq!(folder_circles(&graph(&files)), BTreeSet::from([expected]));
}
