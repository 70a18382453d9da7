//! The house's own rules about Rust files (ARCHITECTURE.md gives their reasons), by looking at their text.

use ebpf_object::Layout;

use super::{
    Findings,
    sources::{self, Source},
};

/// A file longer than this does two things.
const MAX_LINES: usize = 300;

/// Names under which anything could be put.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "helpers", "helper", "types", "common", "misc", "manager", "managers"];

/// Only these speak to the kernel through aya.
const AYA: &[&str] = &["filter-userspace/src/kernel/", "filter-common/src/abi.rs", "filter-ebpf/"];

/// Only these hold unsafe code.
const UNSAFE: &[&str] = &[
    // The layout of what crosses the boundary.
    "filter-common/src/abi.rs",
    // Packet memory; map memory.
    "filter-ebpf/src/packet.rs",
    "filter-ebpf/src/maps.rs",
    "filter-ebpf/src/maps/",
    // The context, and the helpers that make a packet longer or shorter.
    "filter-ebpf/src/lib.rs",
    "filter-ebpf/src/room.rs",
    // Programs that measure, never attached.
    "filter-ebpf/src/bin/bench.rs",
    // bpf(2), mmap(2) and netlink.
    "filter-userspace/src/kernel/",
];

pub(super) fn findings(layout: &Layout) -> Findings {
    let sources = sources::ending(layout, "rs")?;
    Ok(sources.iter().flat_map(judge).collect())
}

fn judge(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    let path = &source.path;
    if let Some(name) = empty_name(path) {
        findings.push(format!("{path}: \"{name}\" is no name; call it after what it owns"));
    }
    let lines = code_lines(source);
    if lines > MAX_LINES {
        findings
            .push(format!("{path}: {lines} lines without tests, at most {MAX_LINES}; it does two things"));
    }
    if !documented(source) {
        findings.push(format!("{path}: no module comment; say what it owns and what it refuses to know"));
    }
    for (index, line) in source.text.lines().enumerate() {
        let code = code_of(line);
        let mut find = |message: &str| findings.push(format!("{path}:{}: {message}", index + 1));
        if names_aya(&code) && !within(path, AYA) {
            find("aya is imported in filter-userspace/src/kernel only");
        }
        if is_unsafe(&code) && !within(path, UNSAFE) {
            find("unsafe code has its places, see xtask/src/check/house.rs");
        }
        if code.contains("[allow(") {
            find("use #[expect(lint, reason = \"...\")], which goes away with its cause");
        }
    }
    findings
}

fn within(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

fn empty_name(path: &str) -> Option<&str> {
    let parts = path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    parts.into_iter().find(|part| EMPTY_NAMES.contains(part))
}

/// Lines up to the tests at the end; a file of nothing but tests counts as none.
fn code_lines(source: &Source) -> usize {
    if of_tests(&source.path) {
        return 0;
    }
    let code = source.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.trim_end().lines().count()
}

/// Each module says what it owns; a file of tests says it by its name.
fn documented(source: &Source) -> bool {
    of_tests(&source.path) || source.text.lines().any(|line| line.starts_with("//!"))
}

fn of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The line without its comment and without what its strings hold.
fn code_of(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => drop(letters.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && letters.peek() == Some(&'/') => break,
            _ if !quoted => code.push(letter),
            _ => {}
        }
    }
    code
}

fn names_aya(code: &str) -> bool {
    ["aya::", "aya_obj::", "aya_log::", "use aya;"].iter().any(|name| code.contains(name))
}

fn is_unsafe(code: &str) -> bool {
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"]
        .iter()
        .any(|word| code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        judge(&Source { path: path.to_owned(), text: format!("//! Doc.\n{text}") })
    }

    #[test]
    fn aya_has_one_place() {
        let text = "use aya::Ebpf;";
        assert_eq!(found("filter-userspace/src/kernel/load.rs", text).len(), 0);
        assert_eq!(found("filter-userspace/src/agent.rs", text).len(), 1);
        assert_eq!(found("filter-userspace/src/agent.rs", "// not aya::Ebpf").len(), 0);
    }

    #[test]
    fn unsafe_code_has_its_places() {
        let text = "let octet = unsafe { *pointer };";
        assert_eq!(found("filter-ebpf/src/packet.rs", text).len(), 0);
        assert_eq!(found("filter-ebpf/src/count.rs", text).len(), 1);
        assert_eq!(found("filter-ebpf/src/main.rs", "#[unsafe(link_section = \"license\")]").len(), 0);
    }

    #[test]
    fn only_code_counts_as_length() {
        let long = "fn f() {}\n".repeat(MAX_LINES);
        assert_eq!(found("xtask/src/a.rs", &long).len(), 1);
        assert_eq!(found("xtask/src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}")).len(), 0);
        assert_eq!(found("tests/tests/path.rs", &long).len(), 0);
    }

    #[test]
    fn a_file_is_named_after_what_it_owns() {
        assert_eq!(found("xtask/src/utils.rs", "").len(), 1);
        assert_eq!(found("xtask/src/misc/a.rs", "").len(), 1);
        assert_eq!(found("filter-common/src/a.rs", "").len(), 0);
    }

    #[test]
    fn a_lint_is_expected_not_allowed() {
        assert_eq!(found("xtask/src/a.rs", "#[allow(dead_code)]").len(), 1);
        assert_eq!(found("xtask/src/a.rs", "#[expect(dead_code, reason = \"soon\")]").len(), 0);
    }

    #[test]
    fn every_module_says_what_it_owns() {
        let source = Source { path: "xtask/src/a.rs".to_owned(), text: "fn f() {}".to_owned() };
        assert_eq!(judge(&source).len(), 1);
    }
}
