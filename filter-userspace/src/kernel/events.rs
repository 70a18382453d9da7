//! The sampled hits that the program leaves in its ring buffer.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::maps::{Map, MapData, RingBuf};
use filter_common::abi::Event;

use super::error::KernelError;
use super::load::map_error;

/// The reader of the ring buffer: there is one.
pub struct Events {
    ring: RingBuf<MapData>,
}

impl Events {
    pub(super) fn new(map: MapData) -> Result<Events, KernelError> {
        let ring =
            RingBuf::try_from(Map::RingBuf(map)).map_err(|error| map_error("opening EVENTS", error))?;
        Ok(Events { ring })
    }

    /// Takes what is there, at most `most` of them, without waiting.
    pub fn drain(&mut self, most: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < most
            && let Some(item) = self.ring.next()
        {
            events.extend(event(&item));
        }
        events
    }

    /// Takes the last of what is there and lets go of the rest.
    pub(super) fn last(&mut self) -> Option<Event> {
        let mut last = None;
        while let Some(item) = self.ring.next() {
            last = event(&item).or(last);
        }
        last
    }
}

/// Readable when there is something to drain.
impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// For tokio's `AsyncFd`.
impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

/// The octets of the ring buffer as the program wrote them.
fn event(octets: &[u8]) -> Option<Event> {
    let (generation, rest) = octets.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (region, rest) = rest.split_first_chunk()?;
    let (hits, rest) = rest.split_first_chunk()?;
    let (ifindex, rest) = rest.split_first_chunk()?;
    let (qtype, rest) = rest.split_first_chunk()?;
    let (counter, _) = rest.split_first_chunk()?;
    Some(Event {
        generation: u64::from_ne_bytes(*generation),
        key: u64::from_ne_bytes(*key),
        region: u32::from_ne_bytes(*region),
        hits: u32::from_ne_bytes(*hits),
        ifindex: u32::from_ne_bytes(*ifindex),
        qtype: u16::from_ne_bytes(*qtype),
        counter: u16::from_ne_bytes(*counter),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_field_by_field() {
        let octets: Vec<u8> = (0..32).collect();
        let read = event(&octets).unwrap();
        assert_eq!(read.generation, u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(read.ifindex, u32::from_ne_bytes([24, 25, 26, 27]));
        assert_eq!(read.counter, u16::from_ne_bytes([30, 31]));
        assert_eq!(event(&octets[..31]), None);
    }
}
