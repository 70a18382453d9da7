//! The message of an answer as hickory-proto reads it, held to its query.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, Record};

use super::same;

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The whole message.
    pub octets: Vec<u8>,
    /// RCODE, extended by the OPT record's.
    pub rcode: u16,
    /// Owner of the SOA in the authority section.
    pub soa: Option<String>,
    /// Address in the answer section.
    pub address: Option<IpAddr>,
    /// TTL of that record.
    pub ttl: u32,
    /// Is there an OPT record?
    pub has_opt: bool,
    /// Its DO bit.
    pub dnssec_ok: bool,
    /// Extended DNS error: code and text.
    pub ede: Option<(u16, String)>,
    /// Cookie.
    pub cookie: Option<Vec<u8>>,
    /// Client subnet.
    pub ecs: Option<Vec<u8>>,
}

impl Reply {
    /// Holds the message to its query's, and returns what it says.
    pub(super) fn check(query: &[u8], octets: &[u8], recursion_available: bool) -> Result<Reply, String> {
        let message = Message::from_vec(octets).map_err(|e| format!("hickory-proto cannot read it: {e}"))?;
        header(query, octets, recursion_available)?;
        let question = match word(octets, 4)? {
            // FORMERR to a compressed QNAME repeats no question
            0 => 12,
            1 => question_end(octets)?,
            count => return Err(format!("QDCOUNT is {count}")),
        };
        same("question", &octets.get(12..question), &query.get(12..question))?;
        same("end of the last record", &records_end(octets, question)?, &octets.len())?;
        let limit = match query.get(question..question + 5) {
            Some([0, 0, 41, high, low]) => usize::from(u16::from_be_bytes([*high, *low])).max(512),
            _ => 512,
        };
        if octets.len() > limit {
            return Err(format!("{} octets, above the client's payload size {limit}", octets.len()));
        }
        same("message type", &message.metadata.message_type, &MessageType::Response)?;
        Reply::read(octets, &message)
    }

    fn read(octets: &[u8], message: &Message) -> Result<Reply, String> {
        let mut reply = Reply {
            octets: octets.to_vec(),
            rcode: message.metadata.response_code.into(),
            ..Reply::default()
        };
        match message.authorities.as_slice() {
            [] => {}
            [record] => reply.soa(record)?,
            records => return Err(format!("{} records in the authority section", records.len())),
        }
        match message.answers.as_slice() {
            [] => {}
            [record] => reply.address(record, octets)?,
            records => return Err(format!("{} records in the answer section", records.len())),
        }
        same("records in the additional section", &message.additionals.len(), &0)?;
        if let Some(edns) = &message.edns {
            reply.has_opt = true;
            reply.dnssec_ok = edns.flags().dnssec_ok;
            same("EDNS version", &edns.version(), &0)?;
            same("EDNS reserved flags", &edns.flags().z, &0)?;
            same("own payload size", &edns.max_payload(), &1232)?;
            for (code, option) in &edns.options().options {
                reply.option((*code).into(), option)?;
            }
        }
        Ok(reply)
    }

    fn soa(&mut self, record: &Record) -> Result<(), String> {
        let RData::SOA(soa) = &record.data else { return Err(format!("authority holds {record}")) };
        self.soa = Some(record.name.to_ascii().trim_end_matches('.').to_ascii_lowercase());
        self.ttl = record.ttl;
        same("the SOA's MINIMUM", &soa.minimum, &record.ttl)
    }

    fn address(&mut self, record: &Record, octets: &[u8]) -> Result<(), String> {
        let address = match &record.data {
            RData::A(a) => IpAddr::V4(a.0),
            RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
            _ => return Err(format!("the answer section holds {record}")),
        };
        same(
            "owner of the address",
            &octets.get(question_end(octets)?..).map(|rest| &rest[..2]),
            &Some(&[0xc0, 12][..]),
        )?;
        (self.address, self.ttl) = (Some(address), record.ttl);
        Ok(())
    }

    fn option(&mut self, code: u16, option: &EdnsOption) -> Result<(), String> {
        let data: Vec<u8> = option.try_into().map_err(|e| format!("option {code}: {e}"))?;
        let twice = match code {
            8 => self.ecs.replace(data).is_some(),
            10 => self.cookie.replace(data).is_some(),
            15 => {
                let (code, text) = data.split_at_checked(2).ok_or("the EDE option is too short")?;
                let text = String::from_utf8(text.to_vec()).map_err(|e| format!("EXTRA-TEXT: {e}"))?;
                self.ede.replace((u16::from_be_bytes([code[0], code[1]]), text)).is_some()
            }
            code => return Err(format!("there is an EDNS option {code}")),
        };
        same("whether an option is there twice", &twice, &false)
    }
}

/// ID, opcode, RD and CD are copied; QR is set, AA, TC, Z and AD are not; RA is as set.
fn header(query: &[u8], answer: &[u8], recursion_available: bool) -> Result<(), String> {
    const COPIED: u16 = 0x7800 | 0x0100 | 0x0010;
    const RCODE: u16 = 0x000f;
    same("ID", &word(answer, 0)?, &word(query, 0)?)?;
    let available = if recursion_available { 0x0080 } else { 0 };
    let want = 0x8000 | available | word(query, 2)? & COPIED;
    same("header flags", &(word(answer, 2)? & !RCODE), &want)
}

fn word(octets: &[u8], at: usize) -> Result<u16, String> {
    let word = octets.get(at..at + 2).ok_or("the message ends early")?;
    Ok(u16::from_be_bytes([word[0], word[1]]))
}

/// Offset after the first question.
fn question_end(octets: &[u8]) -> Result<usize, String> {
    Ok(name_end(octets, 12)? + 4)
}

fn name_end(octets: &[u8], mut at: usize) -> Result<usize, String> {
    loop {
        match octets.get(at).ok_or("the message ends inside a name")? {
            0 => return Ok(at + 1),
            pointer if *pointer >= 0xc0 => return Ok(at + 2),
            size => at += 1 + usize::from(*size),
        }
    }
}

/// Offset after the last record that the counts promise.
fn records_end(octets: &[u8], mut at: usize) -> Result<usize, String> {
    let records: u16 = [6, 8, 10].iter().map(|at| word(octets, *at)).sum::<Result<u16, String>>()?;
    for _ in 0..records {
        at = name_end(octets, at)?;
        at += 10 + usize::from(word(octets, at + 8)?);
    }
    Ok(at)
}
