//! The command line: exit codes, what its errors say, its JSON, metrics and simulate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use pcap_file::pcap::{PcapPacket, PcapReader, PcapWriter};
use serde_json::Value;
use tests::harness::agent::{Agent, MILAN, MILAN_ID, Site};
use tests::harness::client::dig;
use tests::harness::lab::{self, From, Lab, SERVER, SERVER_INTERFACE};
use tests::harness::responder::Responder;
use tests::harness::shell::{self, Output};
use tests::harness::{agent_binary, is_privileged};
use tests::scenario;
use tests::{answer, frame};

const LIMIT: Duration = Duration::from_secs(30);

/// Runs the binary where no agent is.
fn interdict(arguments: &[&str]) -> Output {
    let mut command = Command::new(agent_binary().unwrap());
    command.args(["--socket", "/nonexistent/interdict.sock"]).args(arguments);
    shell::run(&mut command, LIMIT).unwrap()
}

/// A folder with one file.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn wrong_use_ends_with_2() {
    for arguments in
        [&["nonsense"][..], &[], &["block", "a.example"], &["explain"], &["run", "--attach", "sideways"]]
    {
        let output = interdict(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
    }
}

#[test]
fn without_an_agent_it_ends_with_75() {
    for arguments in
        [&["status"][..], &["stats"], &["explain", "a.example"], &["order", "list"], &["region", "192.0.2.1"]]
    {
        let output = interdict(arguments);
        assert_eq!(output.code, Some(75), "{arguments:?}: {output:?}");
        assert!(output.err.starts_with("error: ") || output.err.contains("agent"), "{output:?}");
    }
}

#[test]
fn bad_files_end_with_78_and_say_where() {
    if !is_privileged("bad_files_end_with_78_and_say_where") {
        return;
    }
    let cases = [
        ("config.toml", "ports = [53]\nunknown-key = 1\n", "config.toml:2"),
        ("config.toml", "ports = [\"dns\"]\n", "config.toml:1"),
        ("config.toml", "metrics = \"0.0.0.0:9353\"\n", "metrics-public"),
        ("config.toml", "[events]\nsample = 3\n", "power of two"),
    ];
    for (name, text, says) in cases {
        let (_folder, path) = file(name, text);
        let output = interdict(&["run", "--interface", "lo", "--config", &path]);
        assert_eq!(output.code, Some(78), "{text}: {output:?}");
        assert!(output.err.contains(says), "{text}: {}", output.err);
    }
    let output = interdict(&["run", "--interface", "lo", "--config", "/nonexistent/config.toml"]);
    assert_eq!(output.code, Some(78), "{output:?}");
}

#[test]
fn check_finds_faults_without_an_agent() {
    let good = file("milan.toml", MILAN);
    let output = interdict(&["check", &good.1]);
    assert_eq!(output.code, Some(0), "{output:?}");
    for (name, text, says) in [
        ("order.toml", MILAN.replace("status = \"interim\"", "status = \"happy\""), "order.toml:6"),
        ("order.toml", MILAN.replace("kickasstorrents.to", "kick ass.to"), "order.toml:12"),
        ("regions.csv", "prefix,region\n192.0.2.0/24,IT\n192.0.2.0/99,DE\n".to_owned(), "regions.csv:3"),
    ] {
        let bad = file(name, &text);
        let output = interdict(&["check", &bad.1]);
        assert_eq!(output.code, Some(3), "{output:?}");
        assert!(format!("{}{}", output.out, output.err).contains(says), "want {says}: {output:?}");
    }
}

#[test]
fn without_permission_it_ends_with_77() {
    if !is_privileged("without_permission_it_ends_with_77") {
        return;
    }
    let site = Site::new().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-all", "--inh-caps", "-all", "--"]).arg(agent_binary().unwrap());
    command.args(["run", "--interface", "lo", "--config"]).arg(site.path("config.toml"));
    let output = shell::run(&mut command, LIMIT).unwrap();
    assert_eq!(output.code, Some(77), "{output:?}");
    assert!(output.err.contains("CAP_"), "{}", output.err);
}

/// An agent on an interface with a tiny resolver behind it.
struct Stage {
    lab: Lab,
    _responder: Responder,
    site: Site,
    _agent: Agent,
}

fn stage(test: &str) -> Option<Stage> {
    if !is_privileged(test) {
        return None;
    }
    let lab = Lab::new().unwrap();
    let responder = Responder::start(&lab.server, &SERVER).unwrap();
    let site = Site::new().unwrap();
    site.put_order("milan.toml", MILAN).unwrap();
    let agent = site.start(&lab.server, &[SERVER_INTERFACE], &["--metrics", "127.0.0.1:9353"]).unwrap();
    Some(Stage { lab, _responder: responder, site, _agent: agent })
}

impl Stage {
    fn json(&self, arguments: &str) -> Value {
        self.site.json(&self.lab.server, arguments).unwrap()
    }

    fn run(&self, arguments: &str) -> Output {
        self.site.interdict(&self.lab.server, arguments).unwrap()
    }

    fn dig(&self, words: &str) -> tests::harness::client::Dig {
        dig(&self.lab.client, lab::server(false), From::Italy.address(false), words).unwrap()
    }
}

#[test]
fn every_verb_has_its_schema() {
    let Some(stage) = stage("every_verb_has_its_schema") else { return };
    for (arguments, verb) in [
        ("status", "status"),
        ("stats", "stats"),
        ("explain www.kickasstorrents.to --region IT", "explain"),
        ("region 192.0.2.10", "region"),
        ("order list", "order-list"),
        (&format!("order show {MILAN_ID}"), "order-show"),
        ("version", "version"),
        ("doctor", "doctor"),
    ] {
        let output = stage.run(&format!("--json {arguments}"));
        let json: Value =
            serde_json::from_str(&output.out).unwrap_or_else(|e| panic!("{arguments}: {e}: {output:?}"));
        let schema = json["schema"].as_str().unwrap_or_default();
        let words = schema.trim_start_matches("interdict/").trim_end_matches("/v1").replace(' ', "-");
        assert_eq!(words, verb, "{arguments}: {json}");
    }
}

#[test]
fn it_explains_itself() {
    let Some(stage) = stage("it_explains_itself") else { return };
    let json = stage.json("explain www.kickasstorrents.to --client 192.0.2.10");
    assert!(json.to_string().contains(MILAN_ID) && json.to_string().contains("nxdomain"), "{json}");
    let json = stage.json("explain www.kickasstorrents.to --client 198.51.100.10");
    assert!(!json.to_string().contains("\"nxdomain\"") || json.to_string().contains("pass"), "{json}");
    let json = stage.json("region 2001:db8:39::1");
    assert_eq!((&json["region"], &json["prefix"]), (&"IT".into(), &"2001:db8:39::/48".into()), "{json}");
    assert_eq!(stage.json("region 203.0.113.1")["region"], Value::Null);
}

#[test]
fn bad_orders_change_nothing() {
    let Some(stage) = stage("bad_orders_change_nothing") else { return };
    for (text, says) in [
        (MILAN.replace("interim", "happy"), "bad.toml:6"),
        (
            MILAN.replace("IT-EX-0001", "IT-EX-0009").replace("regions = [\"IT\"]", "planets = [\"X\"]"),
            "planets",
        ),
        ("nonsense".to_owned(), "bad.toml:1"),
    ] {
        let path = stage.site.path("bad.toml");
        std::fs::write(&path, text).unwrap();
        let output = stage.run(&format!("order apply {}", path.display()));
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.err.contains(says), "want {says}: {}", output.err);
    }
    let output = stage.run("block mirror.example --order NO-SUCH-ORDER");
    assert!(![Some(0), Some(75)].contains(&output.code), "{output:?}");
    assert_eq!(stage.dig("kickasstorrents.to").status, "NXDOMAIN");
}

#[test]
fn metrics_add_up() {
    let Some(stage) = stage("metrics_add_up") else { return };
    for name in ["www.kickasstorrents.to", "www.example.org", "limetorrents.pro"] {
        stage.dig(&format!("{name} A"));
        stage.dig(&format!("{name} A +noedns"));
    }
    let page = stage.lab.server.enter(|| get("127.0.0.1:9353", "/metrics")).unwrap();
    assert!(page.trim_end().ends_with("# EOF"), "{page}");
    let stats = stage.json("stats");
    let sum = |metric: &str, label: &str| -> f64 {
        let lines = page.lines().filter(|line| line.starts_with(metric) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let answered = stats["interfaces"][0]["answer"].as_u64().unwrap();
    assert_eq!(answered, 4, "{stats}");
    let by_verdict =
        page.lines().find(|line| line.contains("verdict=\"answer\"")).unwrap_or_else(|| panic!("{page}"));
    assert_eq!(by_verdict.rsplit(' ').next().and_then(|n| n.parse().ok()), Some(4.0), "{page}");
    let metric = by_verdict.split('{').next().unwrap();
    let packets = stats["interfaces"][0]["packets"].as_u64().unwrap() as f64;
    let all = sum(&format!("{metric}{{"), "verdict=");
    // what is seen between the two readings is in the later one
    assert!(all <= packets && all + 20.0 > packets, "{all} of {packets}: {page}");
    assert!(page.contains("build_info") && page.contains("generation"), "{page}");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn simulate_says_what_the_program_would_do() {
    if !is_privileged("simulate_says_what_the_program_would_do") {
        return;
    }
    let site = Site::new().unwrap();
    site.put_order("milan.toml", MILAN).unwrap();
    let mut frames: Vec<Vec<u8>> = scenario::all().unwrap().iter().map(|case| case.frame.build()).collect();
    frames.retain(|frame| frame.len() >= 14 && frame.len() < 1500);
    frames.insert(0, frame::query("www.kickasstorrents.to").with_opt().build());
    let capture = site.path("queries.pcap");
    let mut writer = PcapWriter::new(std::fs::File::create(&capture).unwrap()).unwrap();
    for frame in &frames {
        let packet = PcapPacket::new(Duration::from_secs(1), frame.len() as u32, frame);
        writer.write_packet(&packet).unwrap();
    }
    drop(writer);
    let out = site.path("out.pcap");
    let (orders, regions) = (site.orders().display().to_string(), site.regions().display().to_string());
    let (capture, written) = (capture.display().to_string(), out.display().to_string());
    let arguments = ["simulate", &capture, "--orders", &orders, "--regions", &regions, "--write", &written];
    let output = interdict(&arguments);
    assert_eq!(output.code, Some(0), "{output:?}");
    let lines: Vec<Value> = output.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), frames.len());
    let first = &lines[0];
    for (key, value) in [
        ("frame", 1.into()),
        ("verdict", "answer".into()),
        ("name", Value::from("www.kickasstorrents.to")),
        ("region", "IT".into()),
        ("order", MILAN_ID.into()),
        ("rcode", "NXDOMAIN".into()),
    ] {
        assert_eq!(first[key], value, "{first}");
    }
    let left = read_capture(&out);
    assert_eq!(left.len(), lines.iter().filter(|line| line["verdict"] != "drop").count());
    answer::check(&frames[0], &left[0], true).unwrap();
}

fn read_capture(path: &PathBuf) -> Vec<Vec<u8>> {
    let mut reader = PcapReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        frames.push(packet.unwrap().data.into_owned());
    }
    frames
}
