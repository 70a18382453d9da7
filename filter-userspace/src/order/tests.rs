use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const MILAN: &str = include_str!("../../tests/fixtures/orders/milan.toml");

fn parse(text: &str) -> Result<Order, String> {
    Order::parse(text, "o.toml", Format::Toml).map_err(|error| error.to_string())
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn order(lines: &str) -> String {
    format!("[order]\nid = \"X-1\"\ntype = \"internal\"\n{lines}\n")
}

#[test]
fn the_design_example_reads_in_full() {
    let order = parse(MILAN).expect("an order");
    assert_eq!(&*order.id, "IT-MI-2022-0001");
    assert_eq!(order.order_type, OrderType::CourtOrder);
    assert_eq!(order.deadline, Some(time("2022-08-14T07:00:00Z")));
    assert_eq!(order.effective_from, Some(time("2022-07-17T22:00:00Z")));
    assert_eq!(order.effective_until, None);
    assert_eq!(order.status, Status::Interim);
    assert_eq!(order.action.kind, ActionKind::Nxdomain);
    assert_eq!(order.action.ede, Some(16));
    assert_eq!(order.action.text, "Court order IT-MI-2022-0001");
    assert!(order.scope.holds_region(Some("IT")) && !order.scope.holds_region(None));
    let names: Vec<_> = order.names.iter().map(|name| (name.name.to_string(), name.line)).collect();
    assert_eq!(names, [("kickasstorrents.to".to_owned(), 23), ("kickass-mirror.example".to_owned(), 26)]);
    assert_eq!(order.names[1].mirror_of, Some(name("kickasstorrents.to")));
    assert_eq!(order.names[1].added, Some("2022-09-02".parse().expect("a date")));
}

#[test]
fn json_of_the_same_shape_reads_the_same() {
    let value: toml::Value = toml::from_str(MILAN).expect("toml");
    let json = serde_json::to_string_pretty(&value).expect("json");
    let mut from_json = Order::parse(&json, "o.toml", Format::Json).expect("an order");
    let from_toml = parse(MILAN).expect("an order");
    assert!(from_json.names.iter().all(|name| name.line > 1));
    for (a, b) in from_json.names.iter_mut().zip(&from_toml.names) {
        a.line = b.line;
    }
    assert_eq!(from_json, from_toml);
    assert_eq!(Format::of_path("a/b.JSON"), Format::Json);
    assert_eq!(Format::of_path("a/b.toml"), Format::Toml);
}

#[test]
fn json_errors_have_a_place_too() {
    let error = Order::parse("{\n \"order\": {\"id\": \"X\", \"typ\": 1}}", "o.json", Format::Json);
    let error = error.expect_err("an unknown key").to_string();
    assert!(error.starts_with("o.json:2:"), "{error}");
    assert!(error.contains("unknown key `typ`; expected"), "{error}");
}

#[test]
fn what_is_left_out_has_defaults() {
    let order = parse(&order("")).expect("an order");
    assert_eq!(order.scope, Scope::Global);
    assert_eq!(order.status, Status::Final);
    assert_eq!(order.coverage, Coverage::Suffix);
    assert_eq!((order.action.kind, order.action.ede, order.action.ttl), (ActionKind::Nxdomain, Some(15), 60));
    assert_eq!(order.action.text, "");
    let court = "[order]\nid = \"X\"\ntype = \"court-order\"\nscope = \"global\"\n";
    assert_eq!(parse(court).expect("an order").action.ede, Some(16));
    let stop = self::order("action = { kind = \"address\", a = \"192.0.2.80\" }");
    assert_eq!(parse(&stop).expect("an order").action.ede, Some(4));
}

#[test]
fn types_are_mnemonics_and_numbers() {
    let text = order("action = { kind = \"nodata\", types = [\"AAAA\", \"https\", \"TYPE64\", 255] }");
    assert_eq!(parse(&text).expect("an order").action.types, BTreeSet::from([28, 64, 65, 255]));
}

#[test]
fn coverage_is_the_names_own_or_the_orders() {
    let text = order(
        "match = \"exact\"\n[[names]]\nname = \"a.example\"\n[[names]]\nname = \"b.example\"\nmatch = \"below\"",
    );
    let names = parse(&text).expect("an order").names;
    assert_eq!((names[0].coverage, names[1].coverage), (Coverage::Exact, Coverage::Below));
}

#[test]
fn errors_name_place_fact_expectation_and_remedy() {
    for (lines, expected) in [
        ("color = 1", "o.toml:4:1: unknown key `color`; expected one of `id`"),
        ("deadline = \"P30D\"", "o.toml:4:1: the deadline is a duration and `received` is missing"),
        ("deadline = \"30 days\"", "o.toml:4:12: `30 days` is neither a date nor a time"),
        ("issued = \"2022-13-01\"", "o.toml:4:10: `2022-13-01` is neither a date nor a time"),
        ("effective-from = \"2022-07-18\"", "o.toml:4:18: `2022-07-18` is a day; expected a time"),
        (
            "effective-from = \"2022-07-18T00:00:00\"",
            "o.toml:4:18: the time `2022-07-18T00:00:00` has no UTC offset",
        ),
        ("country = \"Italy\"", "o.toml:4:11: country `Italy` cannot be read; expected an ISO 3166 code"),
        ("status = \"open\"", "o.toml:4:10: unknown word `open`; expected one of `interim`"),
        ("scope = \"IT\"", "o.toml:4:9: scope `IT` is unknown; expected \"global\" or a table"),
        ("scope = { regions = [] }", "o.toml:4:9: the scope is empty"),
        ("scope = { regions = [\"no where\"] }", "o.toml:4:9: region `no where` cannot be read"),
        ("scope = { prefixes = [\"192.0.2.1/24\"] }", "o.toml:4:22: prefix 192.0.2.1/24 has bits beyond"),
        ("action = { kind = \"nxdomain\", ttl = 0 }", "o.toml:4:1: ttl is 0; expected 1 to 86400 seconds"),
        (
            "action = { kind = \"nxdomain\", ede = 65536 }",
            "o.toml:4:37: value out of range: integer `65536`; expected a whole number from 0 to 65535",
        ),
        ("action = { kind = \"address\" }", "o.toml:4:1: action address has no address"),
        ("action = { kind = \"refused\", a = \"192.0.2.1\" }", "o.toml:4:1: action refused has an address"),
        ("action = { kind = \"drop\", ede = 16 }", "o.toml:4:1: action drop answers nothing"),
        ("action = { kind = \"nodata\", types = [\"AX\"] }", "o.toml:4:37: `AX` is no query type"),
        ("fine-per-day = \"a lot\"", "o.toml:4:16: fine-per-day `a lot` cannot be read"),
        ("contact = \"legal\"", "o.toml:4:11: contact `legal` cannot be read"),
        ("docket = \"a\\tb\"", "o.toml:4:10: the text has a control character"),
        ("match = \"prefix\"", "o.toml:4:9: unknown word `prefix`"),
        ("priority = \"high\"", "o.toml:4:12: wrong kind of value: string \"high\"; expected a whole number"),
        ("lists = [\"\"]", "o.toml:4:1: list path \"\" cannot be read"),
        (
            "effective-from = \"2022-07-18T00:00:00Z\"\neffective-until = \"2022-07-18T00:00:00Z\"",
            "o.toml:5:1: effective-until is not after effective-from",
        ),
        (
            "[[names]]\nname = \"a..b.example\"",
            "o.toml:5:8: name `a..b.example` is refused: the name has an empty label",
        ),
        ("[[names]]\nname = \"a.example\"\nmirror = 1", "o.toml:6:1: unknown key `mirror`"),
    ] {
        let error = parse(&order(lines)).expect_err(lines);
        assert!(error.starts_with(expected), "{lines}: {error}");
    }
    let long = format!("action = {{ kind = \"nxdomain\", text = \"{}\" }}", "é".repeat(33));
    assert!(parse(&order(&long)).expect_err("a long text").contains("text has 66 octets"));
    let error = parse("[order]\nid = \"a b\"\ntype = \"internal\"\n").expect_err("an id");
    assert!(error.starts_with("o.toml:2:6: id `a b` is not an identifier; expected"), "{error}");
    let error = parse("[order]\nid = \"X\"\ntype = \"court-order\"\n").expect_err("no scope");
    assert!(error.starts_with("o.toml:1:2: the order has no scope"), "{error}");
    let error = parse("[order]\nid = \"X\"\n").expect_err("no type");
    assert!(error.contains("the key `type` is missing"), "{error}");
    assert!(parse("[order\n").expect_err("grammar").starts_with("o.toml:1:"), "grammar");
}

#[test]
fn subdivisions_belong_to_their_country() {
    let scope = parse(&order("scope = { regions = [\"US\"] }")).expect("an order").scope;
    assert!(scope.holds_region(Some("US")) && scope.holds_region(Some("US-CA")));
    assert!(
        !scope.holds_region(Some("USX"))
            && !scope.holds_region(Some("pop-milan"))
            && !scope.holds_region(None)
    );
    let scope =
        parse(&order("scope = { regions = [\"US-CA\"], unknown = \"block\" }")).expect("an order").scope;
    assert!(!scope.holds_region(Some("US")) && scope.holds_region(None));
}

#[test]
fn life_is_exact_to_the_second() {
    let text = order(
        "received = \"2026-01-01T12:00:00+01:00\"\ndeadline = \"PT30M\"\n\
         effective-from = \"2026-01-01T12:00:00Z\"\neffective-until = \"2026-01-02T00:00:00Z\"",
    );
    let order = parse(&text).expect("an order");
    for (now, life) in [
        ("2026-01-01T11:29:59Z", Life::Scheduled),
        ("2026-01-01T11:30:00Z", Life::Overdue),
        ("2026-01-01T11:59:59Z", Life::Overdue),
        ("2026-01-01T12:00:00Z", Life::Enforced),
        ("2026-01-01T23:59:59Z", Life::Enforced),
        ("2026-01-02T00:00:00Z", Life::Expired),
    ] {
        assert_eq!(order.life(time(now)), life, "{now}");
        assert_eq!(order.in_force(time(now)), life == Life::Enforced, "{now}");
        assert_eq!(order.overdue(time(now)), life == Life::Overdue, "{now}");
    }
    assert_eq!(order.next_change(time("2026-01-01T00:00:00Z")), Some(time("2026-01-01T12:00:00Z")));
    assert_eq!(order.next_change(time("2026-01-01T12:00:00Z")), Some(time("2026-01-02T00:00:00Z")));
    assert_eq!(order.next_change(time("2026-01-02T00:00:00Z")), None);
}

#[test]
fn status_beats_dates_and_dates_have_defaults() {
    let now = time("2026-01-01T00:00:00Z");
    for (status, life) in [
        ("interim", Life::Enforced),
        ("appealed", Life::Enforced),
        ("upheld", Life::Enforced),
        ("suspended", Life::Suspended),
        ("lifted", Life::Lifted),
        ("annulled", Life::Annulled),
        ("expired", Life::Expired),
    ] {
        let order = parse(&order(&format!("status = \"{status}\""))).expect("an order");
        assert_eq!(order.life(now), life);
        assert_eq!(order.next_change(now), None);
    }
    let received = parse(&order("issued = \"2025-01-01\"\nreceived = \"2026-01-02\"")).expect("an order");
    assert_eq!(received.life(now), Life::Scheduled);
    assert_eq!(received.next_change(now), Some(time("2026-01-02T00:00:00Z")));
    let native = parse(&order("effective-from = 2026-01-02T00:00:00+01:00")).expect("an order");
    assert_eq!(native.begins(), Some(time("2026-01-01T23:00:00Z")));
}

#[test]
fn names_are_added_and_removed_and_comments_stay() {
    let day = "2026-11-25".parse().expect("a date");
    let new = [name("kickasstorrents.to"), name("new.example"), name("new.example")];
    let edited = add_names(MILAN, &new, day).expect("an edit");
    assert_eq!(edited.changed, [name("new.example")]);
    assert_eq!(edited.unchanged, [name("kickasstorrents.to"), name("new.example")]);
    assert!(edited.text.starts_with(MILAN.trim_end()), "{}", edited.text);
    assert!(
        edited.text.ends_with("[[names]]\nname = \"new.example\"\nadded = \"2026-11-25\"\n"),
        "{}",
        edited.text
    );
    let order = parse(&edited.text).expect("an order");
    assert_eq!(order.names.len(), 3);

    let gone = [name("new.example"), name("other.example")];
    let back = remove_names(&edited.text, &gone).expect("an edit");
    assert_eq!(back.text.trim_end(), MILAN.trim_end());
    assert_eq!((back.changed.as_slice(), back.unchanged.as_slice()), (&gone[..1], &gone[1..]));
}

#[test]
fn inline_names_are_edited_too() {
    let text = format!("names = [{{ name = \"a.example\" }}] # mine\n{}", order(""));
    let day = "2026-11-25".parse().expect("a date");
    let edited = add_names(&text, &[name("b.example")], day).expect("an edit");
    assert!(edited.text.contains("# mine"));
    assert_eq!(parse(&edited.text).expect("an order").names.len(), 2);
    let edited = remove_names(&edited.text, &[name("a.example")]).expect("an edit");
    let names = parse(&edited.text).expect("an order").names;
    assert_eq!(names[0].name, name("b.example"));
}

#[test]
fn the_status_is_set_and_its_comment_stays() {
    let lifted = set_status(MILAN, Status::Lifted).expect("an edit");
    assert_eq!(lifted.matches("status = \"lifted\"           # interim |").count(), 1, "{lifted}");
    assert_eq!(parse(&lifted).expect("an order").status, Status::Lifted);
    let added = set_status(&order(""), Status::Suspended).expect("an edit");
    assert_eq!(parse(&added).expect("an order").status, Status::Suspended);
    assert_eq!(set_status("a = 1\n", Status::Lifted), Err(EditError::NoOrder));
    assert!(matches!(set_status("a = \n", Status::Lifted), Err(EditError::NotToml { .. })));
}

proptest! {
    #[test]
    fn parsing_is_total(text in "\\PC{0,80}(\n\\PC{0,40}){0,3}") {
        let _ = parse(&text);
        let _ = Order::parse(&text, "o", Format::Json);
        let _ = set_status(&text, Status::Final);
    }

    #[test]
    fn what_is_added_can_be_removed(labels in proptest::collection::btree_set("[a-z]{3,9}", 1..6)) {
        let names: Vec<Name> = labels.iter().map(|label| name(&format!("{label}.test.example"))).collect();
        let day = "2026-11-25".parse().expect("a date");
        let added = add_names(MILAN, &names, day).expect("an edit");
        prop_assert_eq!(&added.changed, &names);
        prop_assert_eq!(parse(&added.text).expect("an order").names.len(), names.len() + 2);
        let removed = remove_names(&added.text, &names).expect("an edit");
        prop_assert_eq!(parse(&removed.text), parse(MILAN));
    }
}
