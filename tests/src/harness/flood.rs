//! A steady flood of queries of which each answer is known, while something happens to the filter.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::lab::{self, From};
use super::netns::Namespace;
use crate::frame::query;

/// Who must answer a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The filter: NXDOMAIN with one record in the authority section.
    Filter,
    /// The resolver: an address.
    Resolver,
    /// Either: the name's policy changes meanwhile.
    Either,
}

/// A query of the flood.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The name; `{}` in it becomes a number.
    pub name: String,
    /// Where it is asked.
    pub from: From,
    /// Who must answer.
    pub by: By,
}

/// What came of a flood.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Queries sent.
    pub asked: u64,
    /// Right answers from the filter.
    pub filter: u64,
    /// Right answers from the resolver.
    pub resolver: u64,
    /// Queries without an answer.
    pub lost: u64,
    /// Answers of the wrong kind.
    pub wrong: u64,
    /// Some of these.
    pub examples: Vec<String>,
}

/// A running flood.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<Tally>>>,
}

/// Queries that are on their way at once.
const WINDOW: usize = 32;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Flood {
    /// Starts one thread for each family. `pause` is slept after each window of queries.
    ///
    /// # Errors
    /// When a socket cannot be bound.
    pub fn start(client: &Namespace, asked: &[Asked], pause: Duration) -> anyhow::Result<Flood> {
        let mut flood = Flood { stop: Arc::new(AtomicBool::new(false)), threads: Vec::new() };
        for is_v6 in [false, true] {
            let mut sockets = HashMap::new();
            for from in [From::Italy, From::Germany, From::Nowhere] {
                let socket = client.enter(|| UdpSocket::bind((from.address(is_v6), 0)))?.context("bind")?;
                socket.set_read_timeout(Some(PATIENCE))?;
                // a socket stays in the namespace that it was made in
                socket.connect(SocketAddr::new(lab::server(is_v6), 53)).context("connect")?;
                sockets.insert(from, socket);
            }
            let (asked, stop) = (asked.to_vec(), Arc::clone(&flood.stop));
            flood.threads.push(std::thread::spawn(move || send(&sockets, &asked, &stop, pause)));
        }
        Ok(flood)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When a socket failed meanwhile.
    pub fn end(mut self) -> anyhow::Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for thread in self.threads.drain(..) {
            let tally = thread.join().map_err(|_| anyhow::anyhow!("the flood's thread panicked"))??;
            all.asked += tally.asked;
            all.filter += tally.filter;
            all.resolver += tally.resolver;
            all.lost += tally.lost;
            all.wrong += tally.wrong;
            all.examples.extend(tally.examples);
        }
        Ok(all)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn send(
    sockets: &HashMap<From, UdpSocket>,
    asked: &[Asked],
    stop: &AtomicBool,
    pause: Duration,
) -> anyhow::Result<Tally> {
    let (mut tally, mut number) = (Tally::default(), 0_u64);
    while !stop.load(Ordering::Relaxed) {
        for from in [From::Italy, From::Germany, From::Nowhere] {
            let own: Vec<&Asked> = asked.iter().filter(|asked| asked.from == from).collect();
            if let (false, Some(socket)) = (own.is_empty(), sockets.get(&from)) {
                window(socket, &own, &mut number, &mut tally)?;
            }
        }
        std::thread::sleep(pause);
    }
    Ok(tally)
}

/// Sends a window of queries and waits for all their answers.
fn window(socket: &UdpSocket, asked: &[&Asked], number: &mut u64, tally: &mut Tally) -> anyhow::Result<()> {
    let mut open = HashMap::new();
    for asked in asked.iter().cycle().take(WINDOW) {
        *number += 1;
        let (name, id) = (asked.name.replace("{}", &number.to_string()), *number as u16);
        let frame = query(&name).with_opt().dns(|dns| dns.id = id);
        socket.send(&frame.dns.build()).context("send")?;
        open.insert(id, (name, asked.by));
        tally.asked += 1;
    }
    let (start, mut buffer) = (Instant::now(), [0; 1500]);
    while !open.is_empty() && start.elapsed() < PATIENCE {
        let Ok(size) = socket.recv(&mut buffer) else { continue };
        let id = u16::from_be_bytes([buffer[0], buffer[1]]);
        if let Some((name, by)) = open.remove(&id) {
            judge(tally, &name, by, &buffer[..size]);
        }
    }
    for (name, _) in open.into_values() {
        tally.lost += 1;
        if tally.examples.len() < 5 {
            tally.examples.push(format!("{name}: no answer"));
        }
    }
    Ok(())
}

fn judge(tally: &mut Tally, name: &str, by: By, answer: &[u8]) {
    let (rcode, count, authority) = (answer[3] & 15, answer[7], answer[9]);
    let is = match (rcode, count, authority) {
        (3, 0, 1) => By::Filter,
        (0, 1, _) => By::Resolver,
        _ => By::Either,
    };
    match is {
        By::Filter if by != By::Resolver => tally.filter += 1,
        By::Resolver if by != By::Filter => tally.resolver += 1,
        _ => {
            tally.wrong += 1;
            if tally.examples.len() < 5 {
                tally.examples.push(format!(
                    "{name}: RCODE {rcode}, {count} answers, {authority} in authority; want {by:?}"
                ));
            }
        }
    }
}
