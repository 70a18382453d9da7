//! The command line as scripts see it: exit codes, standard output and standard error of the real binary. Needs no
//! privileges: everything here ends before the kernel is asked for anything.

use std::path::Path;
use std::process::{Command, Output};

/// A directory with the files, in which the command runs.
struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new(files: &[(&str, &str)]) -> Case {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        Case { dir }
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(arguments.split_whitespace())
            .current_dir(self.dir.path())
            .env_remove("INTERDICT_SOCKET")
            .env_remove("INTERDICT_LOG")
            .output()
            .expect("the binary runs")
    }
}

#[track_caller]
fn expect(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout: {out}\nstderr: {err}");
    assert!(out.contains(stdout), "{stdout:?} is not in stdout: {out}");
    assert!(err.contains(stderr), "{stderr:?} is not in stderr: {err}");
}

const ORDER: &str = r#"[order]
id = "X-1"
type = "court-order"
authority = "Court of Milan"
status = "final"
scope = { regions = ["IT"], unknown = "allow" }
action = { kind = "nxdomain" }
[[names]]
name = "blocked.example"
"#;

#[test]
fn wrong_use_is_2_and_help_teaches() {
    let case = Case::new(&[]);
    expect(&case.run(""), 2, "", "Usage: interdict");
    expect(&case.run("order apply"), 2, "", "<FILE>");
    expect(&case.run("run --help"), 0, "interdict run --interface eth0", "");
    expect(&case.run("--help"), 0, "Exit codes: 0 done", "");
    expect(&case.run("--version"), 0, "interdict 0.", "");
}

#[test]
fn no_agent_is_75() {
    let case = Case::new(&[("o.toml", ORDER)]);
    for verb in [
        "status",
        "stats",
        "order list",
        "order lift X",
        "order apply o.toml",
        "explain a.example",
        "region 192.0.2.1",
        "block a.example --order X",
    ] {
        expect(&case.run(&format!("--socket ./none.sock {verb}")), 75, "", "no agent answers on ./none.sock");
    }
}

#[test]
fn a_bad_file_is_78_with_its_line() {
    let files = [
        ("bad.toml", "interfaces = [\"eth0\"]\ncolour = 1\n"),
        ("orders/bad.toml", "[order]\nid = \"X\"\nstatus = \"odd\"\n"),
        ("good/x.toml", ORDER),
        ("bad.csv", "192.0.2.0/24,IT\n192.0.2.0/33,IT\n"),
        ("none/.keep", ""),
    ];
    let case = Case::new(&files);
    let run = "run --metrics off --socket ./s --state-dir ./state -i lo";
    expect(&case.run(&format!("{run} --config bad.toml")), 78, "", "bad.toml:2:");
    expect(&case.run(&format!("{run} --config no.toml")), 78, "", "no.toml");
    expect(&case.run(&format!("{run} --orders orders")), 78, "", "orders/bad.toml:3:");
    expect(&case.run(&format!("{run} --orders nowhere")), 78, "", "nowhere");
    expect(&case.run(&format!("{run} --orders good --regions bad.csv")), 78, "", "bad.csv:2:");
    expect(&case.run("run --orders good --metrics off"), 78, "", "--interface");
    expect(&case.run("run -i lo --metrics 0.0.0.0:1 --orders good"), 78, "", "metrics");
}

#[test]
fn check_finds_problems_with_3() {
    let files = [
        ("x.toml", ORDER),
        ("bad.toml", "[order]\nid = \"X\"\n"),
        ("r.csv", "192.0.2.0/24,IT\n"),
        ("names.txt", "good.example\na..b.example\n"),
    ];
    let case = Case::new(&files);
    expect(&case.run("check x.toml r.csv"), 0, "X-1: 1 names", "");
    expect(&case.run("check x.toml bad.toml"), 3, "bad.toml:", "");
    expect(&case.run("check names.txt"), 3, "names.txt:2:", "");
    expect(&case.run("check --json x.toml"), 0, "{\"schema\":\"interdict/check/v1\"", "");
}

#[test]
fn a_capture_that_is_none_is_78() {
    let case = Case::new(&[("x.pcap", "not a capture"), ("good/x.toml", ORDER)]);
    expect(&case.run("simulate x.pcap --orders good"), 78, "", "x.pcap");
    expect(&case.run("simulate none.pcap --orders good"), 78, "", "none.pcap");
}

#[test]
fn a_broken_chain_is_3() {
    let case = Case::new(&[("a.jsonl", "{\"seq\":1}\n"), ("empty.jsonl", "")]);
    expect(&case.run("audit verify a.jsonl"), 3, "a.jsonl:1:", "");
    expect(&case.run("audit verify empty.jsonl"), 0, "0 records", "");
    expect(&case.run("audit verify none.jsonl"), 1, "", "none.jsonl");
}

#[test]
fn version_and_generated_files() {
    let case = Case::new(&[]);
    expect(&case.run("version --json"), 0, "{\"", "");
    expect(&case.run("generate man man"), 0, "", "");
    expect(&case.run("generate completions completions"), 0, "", "");
    assert!(case.dir.path().join("man/interdict.1").exists());
    assert!(Path::new(&case.dir.path().join("completions/interdict.bash")).exists());
}
