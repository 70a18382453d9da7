//! The tests' network: one server, one client, a veth pair between them. The client has an address in the Italian and in
//! the German prefix, IPv4 and IPv6, and one in no known prefix.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::netns::Namespace;
use super::polling::Polling;
use super::shell;

/// Addresses of the server.
pub const SERVER: [&str; 2] = ["203.0.113.53", "2001:db8:53::53"];
/// The client's addresses in Italy.
pub const ITALY: [&str; 2] = ["192.0.2.10", "2001:db8:39::10"];
/// The client's addresses in Germany.
pub const GERMANY: [&str; 2] = ["198.51.100.10", "2001:db8:49::10"];
/// The client's addresses in no region.
pub const NOWHERE: [&str; 2] = ["203.0.113.99", "2001:db8:53::99"];
/// The interface under test.
pub const SERVER_INTERFACE: &str = "srv0";
/// Its peer.
pub const CLIENT_INTERFACE: &str = "cli0";
/// The region table that fits the addresses.
pub const REGIONS: &str = "prefix,region\n\
    192.0.2.0/24,IT\n198.51.100.0/24,DE\n2001:db8:39::/48,IT\n2001:db8:49::/48,DE\n";

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver.
    Driver,
    /// Over the socket buffer.
    Skb,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Driver => "driver",
            Mode::Skb => "skb",
        })
    }
}

/// Where queries come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum From {
    /// An Italian prefix.
    Italy,
    /// A German prefix.
    Germany,
    /// No known prefix.
    Nowhere,
}

impl From {
    /// The client's address there.
    #[must_use]
    pub fn address(self, is_v6: bool) -> IpAddr {
        let addresses = match self {
            From::Italy => ITALY,
            From::Germany => GERMANY,
            From::Nowhere => NOWHERE,
        };
        addresses[usize::from(is_v6)].parse().expect("it is an address")
    }
}

/// The server's address.
#[must_use]
pub fn server(is_v6: bool) -> IpAddr {
    SERVER[usize::from(is_v6)].parse().expect("it is an address")
}

/// The two namespaces.
#[derive(Debug)]
pub struct Lab {
    _polling: Option<Polling>,
    /// Where the filter and the resolver run.
    pub server: Namespace,
    /// Where the queries come from.
    pub client: Namespace,
}

impl Lab {
    /// Makes the network.
    ///
    /// # Errors
    /// When something cannot be made.
    pub fn new() -> anyhow::Result<Lab> {
        let mut lab = Lab { _polling: None, server: Namespace::new("srv")?, client: Namespace::new("cli")? };
        let (server, client) = (&lab.server, &lab.client);
        shell::ip(&format!(
            "link add {SERVER_INTERFACE} netns {} type veth peer name {CLIENT_INTERFACE} netns {}",
            server.name(),
            client.name()
        ))?;
        let [server_v4, server_v6] = SERVER;
        server.ip(&format!("address add {server_v4}/24 dev {SERVER_INTERFACE}"))?;
        server.ip(&format!("address add {server_v6}/64 dev {SERVER_INTERFACE} nodad"))?;
        server.ip(&format!("link set {SERVER_INTERFACE} up"))?;
        client.ip(&format!("link set {CLIENT_INTERFACE} up"))?;
        for [v4, v6] in [ITALY, GERMANY, NOWHERE] {
            client.ip(&format!("address add {v4}/24 dev {CLIENT_INTERFACE}"))?;
            client.ip(&format!("address add {v6}/64 dev {CLIENT_INTERFACE} nodad"))?;
            if v4 != NOWHERE[0] {
                server.ip(&format!("route add {v4}/32 dev {SERVER_INTERFACE}"))?;
                server.ip(&format!("-6 route add {v6}/128 dev {SERVER_INTERFACE}"))?;
            }
        }
        offload_off(client, CLIENT_INTERFACE)?;
        lab._polling = Some(Polling::start(client, CLIENT_INTERFACE)?);
        if shell::until(Duration::from_secs(5), || {
            lab.client.ip("-6 address show tentative").is_ok_and(|t| t.is_empty())
        }) {
            Ok(lab)
        } else {
            anyhow::bail!("the client's IPv6 addresses stay tentative")
        }
    }
}

/// Makes the client's end finish its checksums, as a real interface does before a frame is on the wire.
///
/// # Errors
/// When `ethtool` fails.
pub fn offload_off(client: &Namespace, interface: &str) -> anyhow::Result<()> {
    let mut command = client.command("ethtool");
    command.args(["-K", interface, "tx", "off", "rx", "off", "tso", "off", "gso", "off"]);
    shell::run(&mut command, Duration::from_secs(10))?.success("ethtool")?;
    Ok(())
}
