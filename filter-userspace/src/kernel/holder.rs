//! Which XDP program is on an interface, whoever put it there: asked from the kernel by rtnetlink, which knows programs
//! attached by links and by netlink alike.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use aya::programs::links::LinkType;
use aya::programs::{loaded_links, loaded_programs};
use aya_obj::generated::{IFLA_XDP_ATTACHED, IFLA_XDP_PROG_ID};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::attach::Mode;

/// Octets of a netlink header and of the interface message after it.
const HEADER: usize = 16;
/// The attribute of an interface that holds its XDP state (`IFLA_XDP`).
const XDP: u16 = libc::IFLA_XDP;
/// The bits of an attribute's type that are its number.
const ATTRIBUTE: u16 = 0x3fff;

/// A program on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its id; 0 when the kernel does not say.
    pub program: u32,
    /// Its name, when we may know it (CAP_SYS_ADMIN).
    pub name: Option<String>,
    /// The mode it runs in.
    pub mode: Option<Mode>,
    /// Whether a link holds it there (else netlink, by `ip link` for one); `None`: not known.
    pub by_link: Option<bool>,
}

impl Holder {
    /// What to do about it.
    pub(super) fn remedy(&self, interface: &str) -> String {
        let off = match self.mode {
            Some(Mode::Skb) => "xdpgeneric off",
            Some(Mode::Driver) | None => "xdp off",
        };
        match self.by_link {
            Some(true) => "stop the process that holds it, or remove its pinned link".to_owned(),
            Some(false) => format!("detach it with `ip link set dev {interface} {off}`"),
            None => format!("detach it (`ip link set dev {interface} {off}`) or stop its process"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id {}", self.program)?;
        if let Some(name) = &self.name {
            write!(f, ", \"{name}\"")?;
        }
        match self.by_link {
            Some(true) => write!(f, ", held by a link"),
            Some(false) => write!(f, ", attached by netlink"),
            None => Ok(()),
        }
    }
}

/// The program on the interface; `None`: there is none.
///
/// # Errors
/// netlink's.
pub(super) fn on(ifindex: u32) -> io::Result<Option<Holder>> {
    let answer = ask(ifindex)?;
    let Some((program, mode)) = xdp_state(&answer) else { return Ok(None) };
    let name = loaded_programs()
        .flatten()
        .find(|known| known.id() == program)
        .and_then(|known| known.name_as_str().map(str::to_owned));
    let links: Result<Vec<_>, _> = loaded_links().collect();
    let by_link = links.ok().map(|links| {
        links.iter().any(|link| link.program_id() == program && link.link_type().ok() == Some(LinkType::Xdp))
    });
    Ok(Some(Holder { program, name, mode, by_link }))
}

/// Mode of the program on the interface.
pub(super) fn mode_on(ifindex: u32) -> io::Result<Option<Mode>> {
    Ok(xdp_state(&ask(ifindex)?).and_then(|(_, mode)| mode))
}

/// RTM_GETLINK for one interface.
fn ask(ifindex: u32) -> io::Result<Vec<u8>> {
    let route = SockProtocol::NetlinkRoute;
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, route)?;
    let mut request = Vec::with_capacity(2 * HEADER);
    request.extend_from_slice(&32u32.to_ne_bytes());
    request.extend_from_slice(&libc::RTM_GETLINK.to_ne_bytes());
    request.extend_from_slice(&1u16.to_ne_bytes()); // NLM_F_REQUEST
    request.extend_from_slice(&[0; 8 + 4]); // sequence, sender; family, padding, type
    request.extend_from_slice(&ifindex.to_ne_bytes());
    request.extend_from_slice(&[0; 8]); // flags, change
    send(netlink.as_raw_fd(), &request, MsgFlags::empty())?;
    // one message, which the kernel never makes longer than this
    let mut answer = vec![0; 64 * 1024];
    let octets = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(octets);
    Ok(answer)
}

/// Id and mode of the program, from an RTM_NEWLINK message.
fn xdp_state(message: &[u8]) -> Option<(u32, Option<Mode>)> {
    if message.get(4..6)? != libc::RTM_NEWLINK.to_ne_bytes() {
        return None;
    }
    let state = attribute(message.get(2 * HEADER..)?, XDP)?;
    let attached = attribute(state, number(IFLA_XDP_ATTACHED))?.first().copied()?;
    let mode = match attached {
        0 => return None,
        1 => Some(Mode::Driver),
        2 => Some(Mode::Skb),
        _ => None, // offloaded to the device, or in several modes at once
    };
    let id = attribute(state, number(IFLA_XDP_PROG_ID)).and_then(|id| id.get(..4)?.try_into().ok());
    Some((id.map_or(0, u32::from_ne_bytes), mode))
}

fn number(attribute: u32) -> u16 {
    u16::try_from(attribute).unwrap_or(ATTRIBUTE)
}

/// The value of the attribute in a run of them.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let size = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        let value = rest.get(4..size)?;
        if kind & ATTRIBUTE == wanted {
            return Some(value);
        }
        rest = rest.get(size.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attr(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut octets = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    fn link_message(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 32];
        message.splice(4..6, libc::RTM_NEWLINK.to_ne_bytes());
        message.extend_from_slice(attributes);
        message
    }

    #[test]
    fn the_program_is_found_among_the_attributes() {
        let state = [attr(2, &[2]), attr(4, &41u32.to_ne_bytes())].concat();
        let message = link_message(&[attr(3, b"eth0\0"), attr(XDP | 0x8000, &state)].concat());
        assert_eq!(xdp_state(&message), Some((41, Some(Mode::Skb))));
        let none = link_message(&attr(XDP, &attr(2, &[0])));
        assert_eq!(xdp_state(&none), None);
    }

    #[test]
    fn cut_messages_are_no_program() {
        let state = [attr(2, &[1]), attr(4, &41u32.to_ne_bytes())].concat();
        let message = link_message(&[attr(3, b"eth0\0"), attr(XDP, &state)].concat());
        for end in 0..message.len() {
            assert_eq!(xdp_state(&message[..end]), None, "{end}");
        }
    }

    #[test]
    fn loopback_is_asked() {
        // needs no privilege, and nobody puts a program there in tests
        assert_eq!(mode_on(1).unwrap(), None);
    }

    #[test]
    fn a_holder_reads_well() {
        let holder = Holder {
            program: 41,
            name: Some("xdpdump".to_owned()),
            mode: Some(Mode::Driver),
            by_link: Some(false),
        };
        assert_eq!(holder.to_string(), "id 41, \"xdpdump\", attached by netlink");
        assert!(holder.remedy("eth0").contains("ip link set dev eth0 xdp off"));
    }
}
