//! Frames out of a pcap or pcapng file, and into a pcap file. It knows nothing of what is in a frame.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

/// The first octets of a pcapng section header block, whatever its byte order.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Why a capture cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaptureError {
    #[error("capture {0}: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    #[error("capture {0}: {1}; expected pcap or pcapng")]
    Format(PathBuf, #[source] PcapError),
    #[error("capture {path}: link type {found}, expected Ethernet; capture on an Ethernet interface")]
    LinkType { path: PathBuf, found: String },
    #[error("capture {path}: frame {frame} belongs to an interface that the file does not describe")]
    Interface { path: PathBuf, frame: u64 },
}

/// A frame of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Since 1970.
    pub(super) timestamp: Duration,
    pub(super) octets: Vec<u8>,
}

/// A capture that is read frame by frame.
pub(super) struct Reader {
    path: PathBuf,
    format: Format,
    frames: u64,
}

enum Format {
    Pcap(PcapReader<Source>),
    PcapNg(PcapNgReader<Source>),
}

type Source = Box<dyn Read>;

impl Reader {
    /// Opens a capture; its first octets tell its format.
    pub(super) fn open(path: &Path) -> Result<Reader, CaptureError> {
        let io = |error| CaptureError::Io(path.to_owned(), error);
        let bad = |error| CaptureError::Format(path.to_owned(), error);
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let mut magic = [0u8; 4];
        file.read_exact(&mut magic).map_err(io)?;
        let source: Source = Box::new(std::io::Cursor::new(magic).chain(file));
        let format = if magic == PCAPNG {
            Format::PcapNg(PcapNgReader::new(source).map_err(bad)?)
        } else {
            let reader = PcapReader::new(source).map_err(bad)?;
            ethernet(path, reader.header().datalink)?;
            Format::Pcap(reader)
        };
        Ok(Reader { path: path.to_owned(), format, frames: 0 })
    }

    /// The next frame, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, CaptureError> {
        self.frames = self.frames.saturating_add(1);
        let bad = |error| CaptureError::Format(self.path.clone(), error);
        match &mut self.format {
            Format::Pcap(reader) => match reader.next_packet().transpose().map_err(bad)? {
                None => Ok(None),
                Some(packet) => {
                    Ok(Some(Frame { timestamp: packet.timestamp, octets: packet.data.into_owned() }))
                }
            },
            Format::PcapNg(reader) => next_of_pcapng(reader, &self.path, self.frames),
        }
    }
}

fn next_of_pcapng(
    reader: &mut PcapNgReader<Source>,
    path: &Path,
    frame: u64,
) -> Result<Option<Frame>, CaptureError> {
    loop {
        let block = match reader.next_block() {
            None => return Ok(None),
            Some(Err(error)) => return Err(CaptureError::Format(path.to_owned(), error)),
            Some(Ok(block)) => block.into_owned(),
        };
        let (interface, timestamp, octets) = match block {
            Block::EnhancedPacket(packet) => {
                (packet.interface_id, packet.timestamp, packet.data.into_owned())
            }
            Block::SimplePacket(packet) => (0, Duration::ZERO, packet.data.into_owned()),
            Block::Packet(packet) => {
                (u32::from(packet.interface_id), Duration::ZERO, packet.data.into_owned())
            }
            _ => continue,
        };
        let described = usize::try_from(interface).ok().and_then(|index| reader.interfaces().get(index));
        let Some(described) = described else {
            return Err(CaptureError::Interface { path: path.to_owned(), frame });
        };
        ethernet(path, described.linktype)?;
        return Ok(Some(Frame { timestamp, octets }));
    }
}

fn ethernet(path: &Path, found: DataLink) -> Result<(), CaptureError> {
    if found == DataLink::ETHERNET {
        return Ok(());
    }
    Err(CaptureError::LinkType { path: path.to_owned(), found: format!("{found:?}") })
}

/// A pcap file in the making.
pub(super) struct Writer {
    path: PathBuf,
    writer: PcapWriter<BufWriter<File>>,
}

impl Writer {
    /// Makes the file, or empties it.
    pub(super) fn create(path: &Path) -> Result<Writer, CaptureError> {
        let file = File::create(path).map_err(|error| CaptureError::Io(path.to_owned(), error))?;
        let header = PcapHeader {
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::native(),
            snaplen: 262_144,
            ..PcapHeader::default()
        };
        let writer = PcapWriter::with_header(BufWriter::new(file), header)
            .map_err(|error| CaptureError::Format(path.to_owned(), error))?;
        Ok(Writer { path: path.to_owned(), writer })
    }

    /// Appends a frame.
    pub(super) fn write(&mut self, timestamp: Duration, octets: &[u8]) -> Result<(), CaptureError> {
        let size = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let packet = PcapPacket::new(timestamp, size, octets);
        let written = self.writer.write_packet(&packet);
        written.map(drop).map_err(|error| CaptureError::Format(self.path.clone(), error))
    }

    /// Writes what is buffered.
    pub(super) fn finish(self) -> Result<(), CaptureError> {
        self.writer.into_writer().flush().map_err(|error| CaptureError::Io(self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use pcap_file::pcapng::PcapNgWriter;
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
    use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;

    use super::*;

    fn all(path: &Path) -> Result<Vec<Frame>, CaptureError> {
        let mut reader = Reader::open(path)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.next()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn ng(path: &Path, link: DataLink) {
        let mut writer = PcapNgWriter::new(File::create(path).unwrap()).unwrap();
        writer.write_pcapng_block(InterfaceDescriptionBlock::new(link, 0xffff)).unwrap();
        let packet = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_secs(5),
            original_len: 20,
            data: vec![7u8; 20].into(),
            options: Vec::new(),
        };
        writer.write_pcapng_block(packet).unwrap();
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.pcap");
        let mut writer = Writer::create(&path).unwrap();
        let frames = [
            Frame { timestamp: Duration::new(1_658_102_400, 123_456_789), octets: vec![1; 60] },
            Frame { timestamp: Duration::ZERO, octets: vec![2; 14] },
        ];
        for frame in &frames {
            writer.write(frame.timestamp, &frame.octets).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(all(&path).unwrap(), frames);
    }

    #[test]
    fn pcapng_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.pcapng");
        ng(&path, DataLink::ETHERNET);
        assert_eq!(all(&path).unwrap()[0].octets, [7; 20]);
    }

    #[test]
    fn other_link_types_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.pcapng");
        ng(&path, DataLink::IEEE802_11);
        let error = all(&path).unwrap_err().to_string();
        assert!(error.contains("expected Ethernet"), "{error}");
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "not a capture at all, just text").unwrap();
        assert!(all(&path).unwrap_err().to_string().contains("expected pcap or pcapng"));
    }
}
