//! Raw frames on an interface: sent and received below IP, for forms that no socket would send.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket,
    sockopt,
};
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
    links
        .find_map(|entry| entry.address?.as_link_addr().copied())
        .with_context(|| format!("no interface {interface}"))
}

/// Sends frames from an interface, one after the other, and collects what comes in on it until nothing has come for
/// `quiet`; what the interface sends itself is left out.
///
/// # Errors
/// When the socket does not work.
pub fn exchange(
    namespace: &Namespace,
    interface: &str,
    frames: &[Vec<u8>],
    quiet: Duration,
) -> anyhow::Result<Vec<Vec<u8>>> {
    namespace.enter(|| -> anyhow::Result<Vec<Vec<u8>>> {
        let link = link(interface)?;
        let socket =
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
        setsockopt(&socket, sockopt::RcvBuf, &(8 << 20))?;
        let own = link.addr().context("the interface has no MAC address")?;
        let mut receiver =
            Receiver { socket: socket.as_raw_fd(), own, buffer: vec![0; 65_536], frames: Vec::new() };
        for frame in frames {
            sendto(socket.as_raw_fd(), frame, &link, MsgFlags::empty()).context("send a frame")?;
            // a server takes a query at a time, and its socket's buffer is small
            std::thread::sleep(Duration::from_micros(500));
        }
        let (start, mut last) = (Instant::now(), Instant::now());
        while last.elapsed() < quiet && start.elapsed() < LIMIT {
            if receiver.take(frames)? {
                last = Instant::now();
            }
        }
        Ok(receiver.frames)
    })?
}

/// No exchange takes longer.
const LIMIT: Duration = Duration::from_secs(8);

struct Receiver {
    socket: i32,
    own: [u8; 6],
    buffer: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Receiver {
    /// Takes a frame that came in; false when none did.
    fn take(&mut self, sent: &[Vec<u8>]) -> anyhow::Result<bool> {
        match recv(self.socket, &mut self.buffer, MsgFlags::empty()) {
            Ok(size) => {
                let frame = &self.buffer[..size];
                let is_own = frame.get(6..12) == Some(&self.own[..]) || sent.iter().any(|sent| sent == frame);
                if !is_own {
                    self.frames.push(frame.to_vec());
                }
                Ok(!is_own)
            }
            Err(nix::errno::Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
