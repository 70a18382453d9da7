//! What a frame asks, for people: the QNAME as text and the address of the client. It decides nothing.

use std::net::IpAddr;

use filter_common::abi::Settings;
use filter_common::dns::header;
use filter_common::dns::question::{self, Asked};
use filter_common::host::Frame;
use filter_common::policy::Services;
use filter_common::wire;

/// A query in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asks {
    /// `None`: the name is compressed or broken.
    pub(super) name: Option<String>,
    pub(super) client: IpAddr,
    /// Offset of the message.
    pub(super) message: usize,
}

/// The query in a frame, when there is a DNS message in it.
pub(super) fn read<S: Services>(octets: &[u8], services: &S, settings: &Settings) -> Option<Asks> {
    let frame = Frame::new(octets);
    let datagram = wire::locate(&frame, services, settings).ok()?;
    let name = match question::read(&frame, &datagram) {
        Asked::Question(_) => name(octets, datagram.message.checked_add(header::SIZE)?),
        Asked::Pointer | Asked::Nothing(_) => None,
    };
    let client = if datagram.is_v6(&frame) {
        IpAddr::from(<[u8; 16]>::try_from(octets.get(datagram.ip.checked_add(8)?..)?.get(..16)?).ok()?)
    } else {
        IpAddr::from(<[u8; 4]>::try_from(octets.get(datagram.ip.checked_add(12)?..)?.get(..4)?).ok()?)
    };
    Some(Asks { name, client, message: datagram.message })
}

/// An uncompressed name as text: dots and backslashes inside a label are escaped, and what cannot be printed is written
/// as `\DDD` (RFC 4343 section 2.1).
fn name(octets: &[u8], mut at: usize) -> Option<String> {
    let mut text = String::new();
    loop {
        let size = usize::from(*octets.get(at)?);
        at = at.checked_add(1)?;
        if size == 0 {
            return Some(if text.is_empty() { ".".to_owned() } else { text });
        }
        if !text.is_empty() {
            text.push('.');
        }
        let end = at.checked_add(size)?;
        for octet in octets.get(at..end)? {
            match octet {
                b'.' | b'\\' => text.extend(['\\', char::from(*octet)]),
                b'!'..=b'~' => text.push(char::from(*octet)),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_text() {
        assert_eq!(name(b"\0", 0).unwrap(), ".");
        assert_eq!(name(b"xx\x03www\x07eXample\0", 2).unwrap(), "www.eXample");
        assert_eq!(name(b"\x05a.b\\\x00\x01 \0", 0).unwrap(), "a\\.b\\\\\\000.\\032");
        assert_eq!(name(b"\x05ab", 0), None);
    }
}
