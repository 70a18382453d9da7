//! Raw frames on an interface: sent and received below IP, for forms that no socket would send.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::netns::Namespace;

/// MAC addresses of an interface.
///
/// # Errors
/// When there is no such interface.
pub fn mac(namespace: &Namespace, interface: &str) -> anyhow::Result<[u8; 6]> {
    let text = namespace.enter(|| link(interface).map(|link| link.addr()))??;
    text.context("the interface has no MAC address")
}

fn link(interface: &str) -> anyhow::Result<LinkAddr> {
    let addresses = getifaddrs()?;
    let mut links = addresses.filter(|entry| entry.interface_name == interface);
    links.find_map(|entry| entry.address?.as_link_addr().copied()).with_context(|| format!("no interface {interface}"))
}

/// Sends a frame from an interface and collects what comes in on it for a while, less what the interface sends itself.
///
/// # Errors
/// When the socket does not work.
pub fn exchange(namespace: &Namespace, interface: &str, frame: &[u8], limit: Duration) -> anyhow::Result<Vec<Vec<u8>>> {
    namespace.enter(|| -> anyhow::Result<Vec<Vec<u8>>> {
        let link = link(interface)?;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
        sendto(socket.as_raw_fd(), frame, &link, MsgFlags::empty()).context("send a frame")?;
        let own = link.addr().context("the interface has no MAC address")?;
        let is_own = |octets: &[u8]| octets == frame || octets.get(6..12) == Some(&own[..]);
        let (start, mut frames) = (Instant::now(), Vec::new());
        let mut buffer = vec![0; 65_536];
        while start.elapsed() < limit {
            match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(size) if !is_own(&buffer[..size]) => frames.push(buffer[..size].to_vec()),
                Ok(_) | Err(nix::errno::Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(frames)
    })?
}
