//! Writes a planned answer over its query, in a frame that is already as long as the plan says.
//!
//! Only what is written here can fail after the first write, and only if the frame were shorter than planned; the
//! caller then drops it.

use crate::abi::SECTION_ANSWER;
use crate::answer::Template;
use crate::answer::plan::{EDE, Plan};
use crate::dns::{edns, header};
use crate::octets::{COOKIE, Octets, OctetsMut, SUBNET, Scratch};
use crate::wire::checksum;

const TTL: u8 = 64;
/// Version 4 with DF set, identification 0 (RFC 6864): octets 4 to 7 and 8 to 11, read little-endian.
const V4_FRAGMENT: u32 = 0x0000_4000u32.swap_bytes();
const V4_TTL_UDP: u32 = 0x4011_0000u32.swap_bytes();
const PROTOCOL_UDP: u64 = 17u64.swap_bytes() >> 48;

/// Words of the longest datagram: 512 octets of message, a UDP header and what is left over.
const MAX_SUM_WORDS: usize = 66;
/// Words of the largest records.
const MAX_COPY_WORDS: usize = 31;
/// Words of the longest headers and question: 14 + 4 * 4 + 40 + 8 + 12 + 259 octets.
const MAX_MOVE_WORDS: usize = 45;
const COOKIE_WORDS: usize = 5;
const SUBNET_WORDS: usize = 3;

/// Writes the answer.
#[inline(always)]
pub fn write<O, T>(octets: &O, plan: &Plan, template: &T) -> Option<()>
where
    O: OctetsMut + Scratch + ?Sized,
    T: Template + ?Sized,
{
    swap_macs(octets)?;
    let length = plan.length().wrapping_sub(plan.udp);
    let sum = if plan.is_v6 { ipv6(octets, plan.ip, length)? } else { ipv4(octets, plan, length)? };
    let ports = octets.u32_at(plan.udp, 0)?;
    octets.set_u32(plan.udp, 0, ports.rotate_left(16))?;
    octets.set_u16(plan.udp, 4, length as u16)?;
    octets.set_u16(plan.udp, 6, 0)?;
    dns_header(octets, plan, template)?;
    echo(octets, plan)?;
    records(octets, plan, template)?;
    let sum = sum.wrapping_add(PROTOCOL_UDP).wrapping_add(u64::from((length as u16).swap_bytes()));
    let checksum = checksum::finish(datagram_sum(octets, plan.udp, length, sum)?);
    octets.set_u16(plan.udp, 6, if checksum == 0 { 0xffff } else { checksum })
}

#[inline(always)]
fn swap_macs<O: OctetsMut + ?Sized>(octets: &O) -> Option<()> {
    let (to, to_end) = (octets.u32_at(0, 0)?, octets.u16_at(0, 4)?);
    let (from, from_end) = (octets.u32_at(0, 6)?, octets.u16_at(0, 10)?);
    octets.set_u32(0, 0, from)?;
    octets.set_u16(0, 4, from_end)?;
    octets.set_u32(0, 6, to)?;
    octets.set_u16(0, 10, to_end)
}

/// Writes the IPv4 header and returns the sum of the addresses, for the UDP checksum.
#[inline(always)]
fn ipv4<O: OctetsMut + ?Sized>(octets: &O, plan: &Plan, length: usize) -> Option<u64> {
    let ip = plan.ip;
    let (source, destination) = (octets.u32_at(ip, 12)?, octets.u32_at(ip, 16)?);
    octets.set_u32(ip, 12, destination)?;
    octets.set_u32(ip, 16, source)?;
    octets.set_u16(ip, 2, length.wrapping_add(20) as u16)?;
    octets.set_u32(ip, 4, V4_FRAGMENT)?;
    octets.set_u32(ip, 8, V4_TTL_UDP)?;
    let addresses = u64::from(source).wrapping_add(u64::from(destination));
    let rest = u64::from(V4_FRAGMENT).wrapping_add(u64::from(V4_TTL_UDP));
    let sum = addresses.wrapping_add(rest).wrapping_add(u64::from(octets.u32_at(ip, 0)?));
    octets.set_u16(ip, 10, checksum::finish(sum))?;
    Some(addresses)
}

/// Writes the IPv6 header and returns the sum of the addresses.
#[inline(always)]
fn ipv6<O: OctetsMut + ?Sized>(octets: &O, ip: usize, length: usize) -> Option<u64> {
    let (source, source_low) = (octets.u64_at(ip, 8)?, octets.u64_at(ip, 16)?);
    let (destination, destination_low) = (octets.u64_at(ip, 24)?, octets.u64_at(ip, 32)?);
    octets.set_u64(ip, 8, destination)?;
    octets.set_u64(ip, 16, destination_low)?;
    octets.set_u64(ip, 24, source)?;
    octets.set_u64(ip, 32, source_low)?;
    octets.set_u16(ip, 4, length as u16)?;
    octets.set_u8(ip, 7, TTL)?;
    let sum = checksum::add(checksum::add(0, source), source_low);
    Some(checksum::add(checksum::add(sum, destination), destination_low))
}

#[inline(always)]
fn dns_header<O, T>(octets: &O, plan: &Plan, template: &T) -> Option<()>
where
    O: OctetsMut + ?Sized,
    T: Template + ?Sized,
{
    let has_record = !octets.is_zero(plan.record);
    let in_answer = has_record & (template.section() == SECTION_ANSWER);
    let has_question = plan.question != plan.message.wrapping_add(header::SIZE);
    octets.set_u16(plan.message, header::FLAGS, plan.flags)?;
    octets.set_u16(plan.message, header::QDCOUNT, u16::from(has_question))?;
    octets.set_u16(plan.message, header::ANCOUNT, u16::from(in_answer))?;
    octets.set_u16(plan.message, header::NSCOUNT, u16::from(has_record & !in_answer))?;
    octets.set_u16(plan.message, header::ARCOUNT, u16::from(!octets.is_zero(plan.opt)))
}

/// The client subnet and the cookie, each by whole words from its end. What a word spills in front of them is written
/// over by what comes there: first the cookie's end, then the options' headers and the records.
#[inline(always)]
fn echo<O: OctetsMut + Scratch + ?Sized>(octets: &O, plan: &Plan) -> Option<()> {
    let end = octets.settle(plan.length());
    let cookie_end = octets.settle(end.wrapping_sub(plan.subnet));
    restore::<O, SUBNET, SUBNET_WORDS>(octets, end, plan.subnet)?;
    restore::<O, COOKIE, COOKIE_WORDS>(octets, cookie_end, plan.cookie)?;
    if !octets.is_zero(plan.subnet) {
        octets.set_u16(cookie_end, 0, edns::CODE_SUBNET)?;
        octets.set_u16(cookie_end, 2, plan.subnet.wrapping_sub(edns::OPTION) as u16)?;
        // SCOPE equal to SOURCE, or the forwarder would hand one region's answer to all (RFC 7871 section 7.2.1)
        let source = octets.u8_at(cookie_end, 6)?;
        octets.set_u8(cookie_end, 7, source)?;
    }
    Some(())
}

#[inline(always)]
fn restore<O, const SLOT: usize, const WORDS: usize>(octets: &O, end: usize, size: usize) -> Option<()>
where
    O: OctetsMut + Scratch + ?Sized,
{
    let size = octets.settle(size);
    let mut back = edns::OPTION;
    for word in 0..WORDS {
        if back >= size {
            break;
        }
        back = back.wrapping_add(8);
        let at = octets.settle(end.wrapping_sub(back).wrapping_add(edns::OPTION));
        octets.set_u64(at, 0, octets.get(SLOT.wrapping_add(word)))?;
    }
    Some(())
}

/// The resource record and the OPT record from the template, then what depends on the query.
#[inline(always)]
fn records<O, T>(octets: &O, plan: &Plan, template: &T) -> Option<()>
where
    O: OctetsMut + ?Sized,
    T: Template + ?Sized,
{
    let from = if octets.is_zero(plan.record) { template.record() } else { 0 };
    let end = octets.settle(plan.records_end());
    copy(octets, plan.question, plan.record.wrapping_add(plan.opt), template, octets.settle(from))?;
    if !octets.is_zero(plan.record) {
        octets.set_u16(plan.question, 0, plan.owner)?;
    }
    if octets.is_zero(plan.opt) {
        return Some(());
    }
    let opt = octets.settle(plan.question.wrapping_add(plan.record));
    octets.set_u8(opt, 7, (plan.dnssec as u8) << 7)?;
    octets.set_u16(opt, 9, plan.length().wrapping_sub(opt).wrapping_sub(edns::OPT) as u16)?;
    if octets.settle(plan.opt) >= edns::OPT.wrapping_add(EDE) {
        octets.set_u16(opt, edns::OPT + 2, plan.text.wrapping_add(2) as u16)?;
    }
    if !octets.is_zero(plan.cookie) {
        octets.set_u16(end, 0, edns::CODE_COOKIE)?;
        octets.set_u16(end, 2, plan.cookie.wrapping_sub(edns::OPTION) as u16)?;
    }
    Some(())
}

/// Copies `size` octets (none, or at least eight) from the template: whole words, the last one overlapping.
#[inline(always)]
fn copy<O, T>(octets: &O, to: usize, size: usize, template: &T, from: usize) -> Option<()>
where
    O: OctetsMut + ?Sized,
    T: Template + ?Sized,
{
    if octets.is_zero(size) {
        return Some(());
    }
    let last = octets.settle(size.wrapping_sub(8));
    let mut done = 0usize;
    for _ in 0..MAX_COPY_WORDS {
        if done >= last {
            break;
        }
        octets.set_u64(to, done, template.word(from.wrapping_add(done)))?;
        done = octets.settle(done.wrapping_add(8));
    }
    octets.set_u64(to, last, template.word(from.wrapping_add(last)))
}

/// The sum of `length` octets from `at`, added to `sum`.
#[inline(always)]
fn datagram_sum<O: Octets + ?Sized>(octets: &O, at: usize, length: usize, mut sum: u64) -> Option<u64> {
    let (mut at, mut left) = (octets.settle(at), octets.settle(length));
    for _ in 0..MAX_SUM_WORDS {
        if left < 8 {
            break;
        }
        sum = checksum::add(sum, octets.u64_at(at, 0)?);
        at = octets.settle(at.wrapping_add(8));
        left = octets.settle(left.wrapping_sub(8));
    }
    match left {
        0 => Some(sum),
        1..8 => {
            let word = octets.u64_at(at.wrapping_add(left).wrapping_sub(8), 0)?;
            Some(checksum::add(sum, word >> (64usize.wrapping_sub(left << 3) & 63)))
        }
        _ => None,
    }
}

/// The least way that [`forward`] moves octets.
pub const MIN_MOVE: usize = 8;

/// Moves the first `size` octets of the frame `by` octets towards its front, where room was made. `by` must be at least
/// [`MIN_MOVE`], and so must `size`.
#[inline(always)]
pub fn forward<O: OctetsMut + ?Sized>(octets: &O, size: usize, by: usize) -> Option<()> {
    if by < MIN_MOVE || size < MIN_MOVE {
        return None;
    }
    let mut done = 0usize;
    for _ in 0..MAX_MOVE_WORDS {
        if done.wrapping_add(8) > size {
            break;
        }
        octets.set_u64(done, 0, octets.u64_at(done, by)?)?;
        done = octets.settle(done.wrapping_add(8));
    }
    let last = octets.settle(size.wrapping_sub(8));
    octets.set_u64(last, 0, octets.u64_at(last, by)?)
}
