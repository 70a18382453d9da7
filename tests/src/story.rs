//! The demo's story: a court order, a client in Italy, a client in Germany, one resolver, and the filter in front of it.
//! Every step is checked; the story ends in failure when one is not as told.

mod page;
mod stage;

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Instant;

use nix::sys::signal::SigSet;

use self::page::Page;
use self::stage::{City, Stage};
use crate::harness::agent::MILAN;
use crate::harness::client::Dig;
use crate::harness::resolver::{OWN_V4, OWN_V6};

pub use self::stage::remove_files_of;

/// The three names of the order.
const NAMES: [&str; 3] = ["kickasstorrents.to", "limetorrents.pro", "ilcorsaronero.pro"];
/// The mirror that turns up later.
const MIRROR: &str = "kickass-mirror.example";
/// A name that no order holds.
const OTHER: &str = "www.example.org";
/// The order, and its text as dig shows it.
const ORDER: &str = "IT-MI-2022-0001";
const SHOWN: &str = "16 (Censored): (Court order IT-MI-2022-0001)";

/// Tells the story.
///
/// # Errors
/// When the stage cannot be set.
pub fn tell() -> anyhow::Result<ExitCode> {
    // the process that watches has blocked the signals that end this one
    SigSet::empty().thread_set_mask()?;
    let start = Instant::now();
    let mut page = Page::default();
    page.title("A court order, carried out in the kernel");
    let mut stage = Stage::set()?;
    page.says(&stage.describe());
    before(&mut page, &stage)?;
    the_order(&mut page, &mut stage)?;
    italy(&mut page, &stage)?;
    germany(&mut page, &stage)?;
    addendum(&mut page, &stage)?;
    lifted(&mut page, &stage)?;
    counters(&mut page, &stage)?;
    goodbye(&mut page, &mut stage)?;
    drop(stage);
    Ok(page.end(start.elapsed()))
}

fn before(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("Before: everybody gets the resolver's answer");
    for city in City::ALL {
        own_answer(page, stage, city, NAMES[0], false)?;
    }
    Ok(())
}

fn the_order(page: &mut Page, stage: &mut Stage) -> anyhow::Result<()> {
    page.chapter("The order arrives");
    page.says("The Court of Milan orders resolvers in Italy not to resolve three names.");
    let order = MILAN.replace("IT-EX-0001", ORDER);
    page.quotes(&order);
    stage.start_agent()?;
    let status = stage.json("status")?;
    for interface in status["interfaces"].as_array().into_iter().flatten() {
        let word = |key: &str| interface[key].as_str().unwrap_or("?");
        let attached = format!("the filter is attached to {} in {} mode", word("interface"), word("mode"));
        page.checks(&attached, word("state") == "attached");
    }
    let instructions = &status["object"]["verified_instructions"];
    page.says(&format!(
        "The kernel's verifier went through {instructions} instructions and found the program safe."
    ));
    let file = stage.write("milan.toml", &order)?;
    let change = stage.cli(page, &format!("order apply {}", file.display()))?;
    page.checks("the order is in the kernel", change.code == Some(0));
    Ok(())
}

fn italy(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("Rome asks, and the kernel answers for the court");
    let (v4, v6) = (false, true);
    for (name, is_v6, qtype) in [(NAMES[0], v4, "A"), (NAMES[1], v6, "AAAA"), (NAMES[2], v4, "HTTPS")] {
        let dig = stage.dig(page, City::Rome, is_v6, &format!("www.{name} {qtype}"))?;
        blocked(page, &dig, name);
    }
    page.says("A name that no order holds is none of the filter's business:");
    let dig = stage.dig(page, City::Rome, v6, &format!("{OTHER} AAAA"))?;
    page.checks("the resolver answered", dig.data() == Some(OWN_V6));
    let dig = stage.dig(page, City::Rome, v4, &format!("www.{} A +tcp", NAMES[0]))?;
    page.checks("over TCP the connection is ended at once", dig.is_cut_off());
    let explained =
        stage.cli(page, &format!("explain www.{} --client {}", NAMES[0], City::Rome.address(v4)))?;
    page.checks("it can say why", explained.out.contains(ORDER));
    Ok(())
}

fn germany(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("Berlin asks the same resolver, and nothing has changed");
    for (name, is_v6) in [(NAMES[0], false), (NAMES[1], true), (NAMES[2], false)] {
        own_answer(page, stage, City::Berlin, name, is_v6)?;
    }
    Ok(())
}

fn addendum(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("A mirror turns up, and the order grows by a name");
    own_answer(page, stage, City::Rome, MIRROR, false)?;
    let change = stage.cli(page, &format!("block {MIRROR} --order {ORDER}"))?;
    page.checks("the name was in the kernel before the command returned", change.code == Some(0));
    let dig = stage.dig(page, City::Rome, false, &format!("{MIRROR} A"))?;
    blocked(page, &dig, MIRROR);
    own_answer(page, stage, City::Berlin, MIRROR, false)
}

fn lifted(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("The order is lifted");
    let change = stage.cli(page, &format!("order lift {ORDER}"))?;
    page.checks("the order is out of the kernel", change.code == Some(0));
    for name in [NAMES[0], MIRROR] {
        own_answer(page, stage, City::Rome, name, false)?;
    }
    Ok(())
}

fn counters(page: &mut Page, stage: &Stage) -> anyhow::Result<()> {
    page.chapter("The figures for the court");
    stage.cli(page, "stats")?;
    let stats = stage.json("stats")?;
    let hits: u64 =
        stats["hits"].as_array().into_iter().flatten().filter_map(|hit| hit["count"].as_u64()).sum();
    page.checks("five queries met the order: four answered, one reset", hits == 5);
    for interface in stats["interfaces"].as_array().into_iter().flatten() {
        let number = |key: &str| interface[key].as_u64().unwrap_or(0);
        let sum = number("pass") + number("drop") + number("answer") + number("reset");
        let name = interface["interface"].as_str().unwrap_or("?");
        page.checks(&format!("every packet of {name} is accounted for"), sum == number("packets"));
    }
    Ok(())
}

fn goodbye(page: &mut Page, stage: &mut Stage) -> anyhow::Result<()> {
    page.chapter("And out again");
    let code = stage.stop_agent()?;
    page.checks("the agent detached and ended with 0", code == Some(0));
    own_answer(page, stage, City::Rome, NAMES[1], true)
}

/// Asks for a name and checks that the resolver itself answered.
fn own_answer(page: &mut Page, stage: &Stage, city: City, name: &str, is_v6: bool) -> anyhow::Result<()> {
    let (qtype, own) = if is_v6 { ("AAAA", OWN_V6) } else { ("A", OWN_V4) };
    let dig = stage.dig(page, city, is_v6, &format!("{name} {qtype}"))?;
    let own: IpAddr = own.parse()?;
    let got = dig.data().and_then(|data| data.parse::<IpAddr>().ok());
    page.checks(&format!("{city} gets the resolver's own answer"), got == Some(own));
    Ok(())
}

/// Checks that an answer is the order's.
fn blocked(page: &mut Page, dig: &Dig, owner: &str) {
    page.checks("NXDOMAIN, with an SOA so that it is not asked again and again", dig.is_blocked(owner));
    page.checks("and it says on whose order", dig.ede.as_deref() == Some(SHOWN));
}
