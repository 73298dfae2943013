//! The shape of the source: imports run one way, protocols do not know each other, nothing reachable panics.
//!
//! Reads the source as text. Comments, strings and what is only compiled for tests do not count.

#[path = "support/source.rs"]
mod source;

use source::{Source, members, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What every protocol may use.
const FOR_PROTOCOLS: [&str; 8] =
    ["time", "buf", "machine", "share", "timer", "limit", "heartbeat", "entropy"];

/// Every protocol, and what it may use besides.
const PROTOCOLS: &[(&str, &[&str])] =
    &[("session", &["noise", "guard", "resume", "identity"]), ("datagram", &["noise", "guard"]), ("ws", &[])];

/// Parts by themselves, all that each may use, and what may use it besides the driver.
const PARTS: &[(&str, &[&str], &[&str])] = &[
    ("resilience", &["time", "limit", "backoff", "entropy"], &[]),
    ("guard", &["time", "entropy", "limit", "noise", "resume"], &["session", "datagram"]),
    ("resume", &["time", "entropy", "noise"], &["session", "guard"]),
];

/// The files of the driver that may know a protocol: path below `src`, or the beginning of one.
const BRIDGES: &[&str] = &["drive/session", "drive/datagram_session", "drive/ws"];

/// Ways to panic that stay: path below `src`, what is called there, and why it cannot happen.
const MAY_PANIC: &[(&str, &str, &str)] =
    &[("sim/check.rs", "panic!", "called by tests alone: it is how one fails")];

const PANICS: [&str; 6] = [".unwrap()", ".expect(", "panic!", "unreachable!", "todo!", "unimplemented!"];

fn proto() -> Vec<Source> {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 30, "only {} files found", sources.len());
    sources
}

/// What each top-level module imports, and in which file.
fn imports() -> BTreeMap<String, BTreeMap<String, String>> {
    let sources = proto();
    let names: BTreeSet<String> = sources.iter().map(Source::module).collect();
    let mut imports: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for source in &sources {
        let from = imports.entry(source.module()).or_default();
        for name in source.crate_paths() {
            if name != source.module() {
                assert!(names.contains(&name), "{}: crate::{name} is no module", source.path);
                from.insert(name, source.path.clone());
            }
        }
    }
    imports
}

#[test]
fn imports_between_modules_make_no_cycle() {
    let imports = imports();
    let edges: usize = imports.values().map(BTreeMap::len).sum();
    assert!(edges > 10, "only {edges} imports found");
    let mut left: BTreeMap<&String, BTreeSet<&String>> =
        imports.iter().map(|(from, to)| (from, to.keys().collect())).collect();
    // Takes away what imports nothing that is left, as long as there is such a module.
    loop {
        let free: Vec<&String> = left
            .iter()
            .filter(|(_, to)| !to.iter().any(|to| left.contains_key(*to)))
            .map(|(from, _)| *from)
            .collect();
        if free.is_empty() {
            break;
        }
        free.into_iter().for_each(|name| drop(left.remove(name)));
    }
    assert!(left.is_empty(), "a cycle among or before {left:?}");
}

#[test]
fn a_protocol_imports_only_the_parts_meant_for_it() {
    let imports = imports();
    for (protocol, besides) in PROTOCOLS {
        let found = imports.get(*protocol).unwrap_or_else(|| panic!("{protocol} is no module"));
        for (name, path) in found {
            let allowed = FOR_PROTOCOLS.contains(&name.as_str()) || besides.contains(&name.as_str());
            assert!(allowed, "{path}: the protocol {protocol} must not import {name}");
        }
    }
}

#[test]
fn a_part_imports_only_what_it_is_made_of_and_only_those_meant_know_it() {
    let imports = imports();
    for (part, allowed, known_to) in PARTS {
        let found = imports.get(*part).unwrap_or_else(|| panic!("{part} is no module"));
        for (name, path) in found {
            assert!(allowed.contains(&name.as_str()), "{path}: {part} must not import {name}");
        }
        for (module, found) in &imports {
            let path = found.get(*part);
            let known = module == "drive" || known_to.contains(&module.as_str());
            assert!(known || path.is_none(), "{path:?}: must not import {part}");
        }
    }
}

#[test]
fn only_bridges_know_a_protocol_and_nothing_but_the_driver_knows_the_driver() {
    for source in proto() {
        let module = source.module();
        for name in source.crate_paths() {
            let bridge = BRIDGES.iter().any(|bridge| source.path.starts_with(bridge));
            let protocol = PROTOCOLS.iter().any(|(protocol, _)| *protocol == name);
            assert!(!protocol || name == module || bridge, "{}: must not import {name}", source.path);
            assert!(name != "drive" || module == "drive", "{}: must not import drive", source.path);
        }
    }
}

#[test]
fn library_code_has_no_call_that_panics() {
    let mut used = BTreeSet::new();
    for source in proto() {
        for (line, text) in (1..).zip(source.code.lines()) {
            for call in PANICS.iter().filter(|call| text.contains(**call)) {
                let excuse =
                    MAY_PANIC.iter().position(|(path, what, _)| *path == source.path && what == call);
                assert!(excuse.is_some(), "{}:{line}: {call} in library code", source.path);
                used.extend(excuse);
            }
        }
    }
    assert_eq!(used.len(), MAY_PANIC.len(), "an exception that nothing uses any more");
}

#[test]
fn every_crate_root_forbids_unsafe_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let members = members(&root);
    assert!(members.len() >= 5, "{members:?}");
    for member in members {
        let roots: Vec<_> = sources(&root.join(&member).join("src"))
            .into_iter()
            .filter(|source| {
                matches!(source.path.as_str(), "lib.rs" | "main.rs") || source.path.starts_with("bin/")
            })
            .collect();
        assert!(!roots.is_empty(), "{member} has no crate root");
        for source in roots {
            assert!(source.code.contains("#![forbid(unsafe_code)]"), "{member}/src/{}", source.path);
        }
    }
}

#[test]
fn the_reader_of_source_skips_what_is_no_code() {
    let text = r##"
        //! crate::drive
        use crate::{buf::{Span, TxBuf}, time::Instant};
        pub(super) fn f<'a>(c: char) -> &'a str { /* .unwrap() */ if c == '"' { r#"crate::no "quote""# } else { "panic!" } }
        #[cfg(test)]
        mod tests { fn f(_: [u8; 2]) { panic!() } fn g() { "}"; crate::session::h().unwrap(); } }
        #[cfg(test)]
        use crate::backoff::Backoff;
        fn k() { super::super::noise::l(); super::m() }
    "##;
    let source = Source::new("limit/keyed.rs", text);
    assert_eq!(source.module(), "limit");
    assert_eq!(source.crate_paths(), ["buf", "noise", "time"].map(String::from).into());
    assert!(!PANICS.iter().any(|call| source.code.contains(call)), "{}", source.code);
    assert!(source.code.contains("fn k()") && source.code.contains("else"), "{}", source.code);
    assert_eq!(source.code.lines().count(), text.lines().count());
}
