//! The product: what is done with a frame.

use crate::abi::{
    ACTION_BADVERS, ACTION_FORMERR, ACTION_NONE, CLIENT_ANSWERED, CLIENT_FORWARDER, CLIENT_REGION, KIND_DROP,
    KIND_PASSTHRU, MODE_OBSERVE, SETTING_POINTER_DROP, SETTING_TCP_PASS, Settings,
};
use crate::address;
use crate::dns::edns::{self, Edns};
use crate::dns::header;
use crate::dns::question::{self, Asked, Question};
use crate::octets::{Octets, Scratch};
use crate::outcome::{Hit, Match, Outcome, Query};
use crate::policy::{self, Applied, Policy, Services};
use crate::verdict::{DropReason, PassReason, Verdict};
use crate::wire::{self, Datagram, need};

/// Looks at a frame and says what is done with it. Total: every frame has a verdict, and what is not understood passes
/// with a reason. Nothing is written.
#[inline(always)]
pub fn filter<O, P>(octets: &O, policy: &P, settings: &Settings) -> Outcome
where
    O: Octets + Scratch + ?Sized,
    P: Policy + Services + ?Sized,
{
    match locate(octets, policy, settings) {
        Located::Passed(reason) => Outcome::Unmatched(Verdict::Pass(reason)),
        Located::Judge(located) => judge(octets, policy, settings, located),
    }
}

/// What is known of a frame before any policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// It passes, whatever the policy.
    Passed(PassReason),
    /// [`judge`] says.
    Judge(Result<Datagram, Verdict>),
}

/// The first half of [`filter`], which most packets that are not DNS never leave.
#[inline(always)]
pub fn locate<O, S>(octets: &O, services: &S, settings: &Settings) -> Located
where
    O: Octets + ?Sized,
    S: Services + ?Sized,
{
    match wire::locate(octets, services, settings) {
        Err(Verdict::Pass(reason)) if !matches!(reason, PassReason::Truncated) => Located::Passed(reason),
        located => Located::Judge(located),
    }
}

/// The second half of [`filter`].
#[inline(always)]
pub fn judge<O, P>(octets: &O, policy: &P, settings: &Settings, located: Result<Datagram, Verdict>) -> Outcome
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let judged = match located {
        Ok(datagram) => message(octets, policy, settings, datagram),
        Err(verdict) => Err(verdict),
    };
    // two ways to the end: where they met, what only a match has would be undefined, which the verifier does not accept
    match judged {
        Ok(matched) => Outcome::Matched(Match { verdict: observed(policy, matched.verdict), ..matched }),
        Err(Verdict::Pass(PassReason::Truncated)) if octets.is_multi_buffer() => {
            Outcome::Unmatched(observed(policy, beyond(octets)))
        }
        Err(verdict) => Outcome::Unmatched(observed(policy, verdict)),
    }
}

/// Octets in which every honest frame has its headers and its question.
const HONEST_HEADERS: usize = 2048;

/// A header or the question lies beyond the first buffer. Where that buffer has room for all that an honest frame has in
/// front, only kilobytes of IPv6 extension headers do this, and a socket takes them: they hide the question.
#[inline(always)]
fn beyond<O: Octets + ?Sized>(octets: &O) -> Verdict {
    if octets.u8_at(HONEST_HEADERS, 0).is_some() {
        Verdict::Drop(DropReason::Ipv6Headers)
    } else {
        Verdict::Pass(PassReason::MultiBuffer)
    }
}

#[inline(always)]
fn message<O, P>(octets: &O, policy: &P, settings: &Settings, datagram: Datagram) -> Result<Match, Verdict>
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let flags = need!(octets.u16_at(datagram.message, header::FLAGS));
    if flags & header::QR != 0 {
        return Err(Verdict::Pass(PassReason::Response));
    }
    if !need!(address::may_be_answered(octets, &datagram)) {
        return Err(Verdict::Pass(PassReason::BadSource));
    }
    match question::read(octets, &datagram) {
        Asked::Nothing(PassReason::NoRootLabel | PassReason::NoType) if datagram.is_tcp(octets) => {
            Err(Verdict::Pass(PassReason::TcpSplit))
        }
        Asked::Nothing(reason) => Err(Verdict::Pass(reason)),
        Asked::Pointer => pointer(octets, policy, settings, datagram),
        Asked::Question(question) => named(octets, policy, settings, datagram, flags, question),
    }
}

/// A compressed QNAME hides the name from the walk, so it is answered or dropped, never passed.
#[inline(always)]
fn pointer<O, P>(octets: &O, policy: &P, settings: &Settings, datagram: Datagram) -> Result<Match, Verdict>
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let client = need!(policy::client(octets, policy, &datagram));
    let dropped = settings.flags & SETTING_POINTER_DROP != 0
        || datagram.is_extended(octets)
        || client as u32 & CLIENT_ANSWERED == 0
        || need!(address::is_group_destination(octets, &datagram));
    let verdict = if datagram.is_tcp(octets) {
        tcp(octets, settings, &datagram)
    } else if dropped {
        Verdict::Drop(DropReason::Pointer)
    } else {
        Verdict::Answer(ACTION_FORMERR)
    };
    let question = octets.settle(datagram.message.wrapping_add(header::SIZE));
    let query = Query { datagram, question, suffix: question, edns: Edns::default() };
    Ok(Match { verdict, hit: Hit::default(), query })
}

/// A name that could be read: the longest suffix of it with a rule for the client decides.
#[inline(always)]
fn named<O, P>(
    octets: &O,
    policy: &P,
    settings: &Settings,
    datagram: Datagram,
    flags: u16,
    question: Question,
) -> Result<Match, Verdict>
where
    O: Octets + Scratch + ?Sized,
    P: Policy + ?Sized,
{
    let count = need!(policy::holders(octets, policy, &question));
    if count == 0 {
        return Err(Verdict::Pass(PassReason::NotListed));
    }
    let mut client = need!(policy::client(octets, policy, &datagram));
    let mut edns = need!(edns::read(octets, &datagram, question.end));
    let behind = if client as u32 & CLIENT_FORWARDER == 0 || octets.is_zero(edns.subnet) {
        None
    } else {
        policy::subnet_client(octets, policy, &edns, client)
    };
    match behind {
        Some(behind) => client = client & CLIENT_ANSWERED as usize | behind & CLIENT_REGION as usize,
        // from anyone else, or when it makes no sense, it is not echoed
        None => edns.subnet = 0,
    }
    let edns = edns.settled(octets);
    let client = octets.settle(client) as u32;
    let applied = policy::decide(octets, policy, count, client, question.qtype);
    if applied.action == ACTION_NONE {
        return Err(Verdict::Pass(PassReason::OtherRegion));
    }
    let verdict = need!(listed(octets, policy, settings, &datagram, flags, &applied, client, &edns));
    let hits = if let Verdict::Pass(PassReason::NotClient | PassReason::TcpAllowed) = verdict {
        0
    } else {
        applied.hits
    };
    let hit = Hit { hits, region: client & CLIENT_REGION, key: applied.key, qtype: question.qtype };
    let query = Query { datagram, question: question.end, suffix: applied.suffix, edns };
    Ok(Match { verdict, hit, query })
}

/// A listed name: what becomes of the form it came in. No form is passed that any server answers.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "inlined: a struct for one call would only rename them")]
fn listed<O, P>(
    octets: &O,
    policy: &P,
    settings: &Settings,
    datagram: &Datagram,
    flags: u16,
    applied: &Applied,
    client: u32,
    edns: &Edns,
) -> Option<Verdict>
where
    O: Octets + ?Sized,
    P: Policy + ?Sized,
{
    let kind = policy.action_kind(applied.action);
    Some(if kind == KIND_PASSTHRU {
        Verdict::Pass(PassReason::Passthru)
    } else if datagram.is_tcp(octets) {
        tcp(octets, settings, datagram)
    } else if datagram.is_extended(octets) {
        Verdict::Drop(DropReason::IpOptions)
    } else if flags & header::OPCODE != 0 {
        Verdict::Drop(DropReason::Opcode)
    } else if octets.u16_at(datagram.message, header::QDCOUNT)? != 1 {
        Verdict::Drop(DropReason::QuestionCount)
    } else if kind == KIND_DROP {
        Verdict::Drop(DropReason::Rule)
    } else if address::is_group_destination(octets, datagram)? {
        Verdict::Drop(DropReason::GroupDestination)
    } else if client & CLIENT_ANSWERED == 0 {
        Verdict::Pass(PassReason::NotClient)
    } else if edns.version != 0 {
        Verdict::Answer(ACTION_BADVERS)
    } else {
        Verdict::Answer(applied.action)
    })
}

/// A listed name over TCP. Without state there is only the reset, which the stack carries out.
#[inline(always)]
fn tcp<O: Octets + ?Sized>(octets: &O, settings: &Settings, datagram: &Datagram) -> Verdict {
    if settings.flags & SETTING_TCP_PASS != 0 {
        Verdict::Pass(PassReason::TcpAllowed)
    } else if datagram.is_extended(octets) {
        Verdict::Drop(DropReason::IpOptions)
    } else {
        Verdict::Reset
    }
}

/// In observe mode everything passes, and the reason says what would have been done.
#[inline(always)]
fn observed<P: Policy + ?Sized>(policy: &P, verdict: Verdict) -> Verdict {
    if policy.generation().mode != MODE_OBSERVE {
        return verdict;
    }
    match verdict {
        Verdict::Pass(reason) => Verdict::Pass(reason),
        Verdict::Drop(_) => Verdict::Pass(PassReason::WouldDrop),
        Verdict::Answer(_) => Verdict::Pass(PassReason::WouldAnswer),
        Verdict::Reset => Verdict::Pass(PassReason::WouldReset),
    }
}
