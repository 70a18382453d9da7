//! Real clients: dig and kdig, their output read into fields; and a plain socket for queries that they cannot form.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::netns::Namespace;
use super::shell;

/// What dig said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dig {
    /// `NOERROR`, `NXDOMAIN` and so on; empty without an answer.
    pub status: String,
    /// Header flags, in dig's letters.
    pub flags: Vec<String>,
    /// The extended DNS error's line, such as `16 (Censored): (Court order IT-EX-0001)`.
    pub ede: Option<String>,
    /// Whether the answer had an OPT record.
    pub has_opt: bool,
    /// Answer section, a line a record.
    pub answer: Vec<String>,
    /// Authority section, a line a record.
    pub authority: Vec<String>,
    /// Everything it printed.
    pub text: String,
    /// Its exit code: 9 without an answer.
    pub code: Option<i32>,
    /// How long it took.
    pub took: Duration,
}

impl Dig {
    /// The data of the answer section's first record.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.answer.first()?.split_whitespace().last()
    }

    /// Whether the server ended the connection before the client gave up.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let says = ["reset", "end of file", "EOF", "closed"].iter().any(|word| self.text.contains(word));
        self.status.is_empty() && says && !self.text.contains("timed out")
    }

    /// Whether this is the filter's NXDOMAIN: SOA of the listed name, and the text when the query had EDNS.
    #[must_use]
    pub fn is_blocked(&self, owner: &str) -> bool {
        let soa = self.authority.first().is_some_and(|line| {
            let mut words = line.split_whitespace();
            let is_owner = words.next().is_some_and(|name| name.eq_ignore_ascii_case(&format!("{owner}.")));
            is_owner && words.nth(2) == Some("SOA")
        });
        self.status == "NXDOMAIN" && self.answer.is_empty() && soa
    }
}

/// Runs dig in a namespace: `@SERVER -b FROM`, then the words of `arguments`.
///
/// # Errors
/// When it cannot be run.
pub fn dig(client: &Namespace, server: IpAddr, from: IpAddr, arguments: &str) -> anyhow::Result<Dig> {
    let mut command = client.command("dig");
    command.arg(format!("@{server}")).arg("-b").arg(from.to_string());
    command.args(["+tries=1", "+timeout=2"]).args(arguments.split_whitespace());
    let start = Instant::now();
    let output = shell::run(&mut command, Duration::from_secs(20))?;
    Ok(Dig { took: start.elapsed(), ..read(&output) })
}

/// The same with kdig, whose output has the same shape where it is read.
///
/// # Errors
/// When it cannot be run.
pub fn kdig(client: &Namespace, server: IpAddr, from: IpAddr, arguments: &str) -> anyhow::Result<Dig> {
    let mut command = client.command("kdig");
    command.arg(format!("@{server}")).arg("-b").arg(from.to_string());
    command.args(["+retry=0", "+timeout=2"]).args(arguments.split_whitespace());
    let start = Instant::now();
    let output = shell::run(&mut command, Duration::from_secs(20))?;
    Ok(Dig { took: start.elapsed(), ..read(&output) })
}

fn read(output: &shell::Output) -> Dig {
    let mut dig = Dig { text: format!("{}{}", output.out, output.err), code: output.code, ..Dig::default() };
    let mut section = String::new();
    for line in output.out.lines() {
        if let Some((_, rest)) = line.split_once("status: ") {
            dig.status = rest.split([',', ';']).next().unwrap_or_default().trim().to_owned();
        } else if let Some((_, rest)) = line.split_once("lags: ")
            && line.contains("QUERY")
        {
            // dig: ";; flags: qr rd ra; QUERY: 1, ..."; kdig: ";; Flags: qr rd ra; QUERY: 1; ..."
            dig.flags =
                rest.split(';').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        } else if line.contains("EDE: ") {
            dig.ede = line.split_once("EDE: ").map(|(_, rest)| rest.trim().to_owned());
        } else if line.starts_with(";; ") && line.contains("SECTION") {
            section = line.trim_start_matches(";; ").to_ascii_uppercase();
        } else if !line.is_empty() && !line.starts_with(';') {
            let to = if section.starts_with("AUTHORITY") { &mut dig.authority } else { &mut dig.answer };
            to.push(line.to_owned());
        }
        dig.has_opt |= line.contains("EDNS") || line.contains("OPT PSEUDOSECTION");
    }
    dig
}

/// Sends a message from a socket of its own and waits for the answer; `None` when none comes.
///
/// # Errors
/// When the socket does not work.
pub fn ask(
    client: &Namespace,
    server: IpAddr,
    from: IpAddr,
    message: &[u8],
) -> anyhow::Result<Option<Vec<u8>>> {
    client.enter(|| {
        let socket = UdpSocket::bind((from, 0)).context("bind")?;
        ask_on(&socket, SocketAddr::new(server, 53), message, Duration::from_millis(500))
    })?
}

/// Sends a message on a socket and waits for the answer with the same ID.
///
/// # Errors
/// When the socket does not work.
pub fn ask_on(
    socket: &UdpSocket,
    to: SocketAddr,
    message: &[u8],
    limit: Duration,
) -> anyhow::Result<Option<Vec<u8>>> {
    socket.set_read_timeout(Some(limit))?;
    socket.send_to(message, to).context("send")?;
    let mut buffer = [0; 4096];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((size, _)) if buffer.get(..2) == message.get(..2) => return Ok(Some(buffer[..size].to_vec())),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return Ok(None);
            }
            Err(error) => bail!(error),
        }
    }
}
