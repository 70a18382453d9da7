//! What must come of a packet, and how a result is held to it.

use std::net::IpAddr;

use filter_common::verdict::{ANSWERED, RESET};
use filter_common::{DropReason, PassReason};
use serde::Deserialize;

use crate::answer::{self, Reply};
use crate::hex::Octets;
use crate::run::{Ran, XDP_DROP, XDP_PASS, XDP_TX};

/// The verdict, by the words of `filter_common::verdict`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Passed untouched, for this reason.
    Pass(String),
    /// Dropped for this reason.
    Drop(String),
    /// Answered.
    Answer(Box<Answer>),
    /// Turned into a reset.
    Reset,
}

/// What an answer says beside what every answer must. What is left out must not be there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    /// RCODE, the OPT record's part included.
    pub rcode: u16,
    /// Owner of the SOA in the authority section.
    pub soa: Option<String>,
    /// Address in the answer section.
    pub address: Option<IpAddr>,
    /// TTL of that record.
    pub ttl: u32,
    /// Whether there is an OPT record, when no EDE says so.
    pub opt: Presence,
    /// DO.
    pub dnssec_ok: bool,
    /// Code of the extended DNS error.
    pub ede: Option<u16>,
    /// Its EXTRA-TEXT.
    pub text: String,
    /// Cookie.
    pub cookie: Option<Octets>,
    /// Client subnet.
    pub ecs: Option<Octets>,
    /// Octets of the message.
    pub length: Option<usize>,
    /// The whole message, instead of all of that but the RCODE.
    pub octets: Option<Octets>,
}

/// Whether something is in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
    /// With whatever it may hold, or not.
    Any,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer {
            rcode: 0,
            soa: None,
            address: None,
            ttl: 60,
            opt: Presence::No,
            dnssec_ok: false,
            ede: None,
            text: String::new(),
            cookie: None,
            ecs: None,
            length: None,
            octets: None,
        }
    }
}

impl Expect {
    /// The counter that must have moved.
    ///
    /// # Panics
    /// When there is no such reason.
    #[must_use]
    pub fn counter(&self) -> usize {
        match self {
            Expect::Pass(label) => {
                let reason = PassReason::ALL.iter().find(|reason| reason.label() == label);
                reason.unwrap_or_else(|| panic!("there is no pass reason {label:?}")).counter()
            }
            Expect::Drop(label) => {
                let reason = DropReason::ALL.iter().find(|reason| reason.label() == label);
                reason.unwrap_or_else(|| panic!("there is no drop reason {label:?}")).counter()
            }
            Expect::Answer(_) => ANSWERED,
            Expect::Reset => RESET,
        }
    }

    /// Holds a result to it.
    ///
    /// # Errors
    /// A sentence with what is wrong.
    pub fn check(&self, frame: &[u8], ran: &Ran, recursion_available: bool) -> Result<(), String> {
        if ran.counter != self.counter() {
            return Err(format!("the verdict is {}", crate::run::counter_name(ran.counter)));
        }
        let action = match self {
            Expect::Pass(_) | Expect::Reset => XDP_PASS,
            Expect::Drop(_) => XDP_DROP,
            Expect::Answer(_) => XDP_TX,
        };
        if ran.action != action {
            return Err(format!("the XDP action is {}, not {action}", ran.action));
        }
        match self {
            Expect::Pass(_) | Expect::Drop(_) if ran.frame != frame => {
                Err("the frame was changed".to_owned())
            }
            Expect::Pass(_) | Expect::Drop(_) => Ok(()),
            Expect::Reset => answer::check_reset(frame, &ran.frame),
            Expect::Answer(want) => want.check(&answer::check(frame, &ran.frame, recursion_available)?),
        }
    }
}

impl Answer {
    fn check(&self, reply: &Reply) -> Result<(), String> {
        if reply.rcode != self.rcode {
            return Err(format!("the RCODE is {}, not {}", reply.rcode, self.rcode));
        }
        if let Some(octets) = &self.octets {
            return if octets.0 == reply.octets {
                Ok(())
            } else {
                Err(format!("the message is {:?}", Octets(reply.octets.clone())))
            };
        }
        if let Some(length) = self.length
            && length != reply.octets.len()
        {
            return Err(format!("the message has {} octets, not {length}", reply.octets.len()));
        }
        let mut want = Reply {
            octets: reply.octets.clone(),
            rcode: self.rcode,
            soa: self.soa.clone(),
            address: self.address,
            ttl: if self.soa.is_some() || self.address.is_some() { self.ttl } else { 0 },
            has_opt: self.ede.is_some() || self.opt == Presence::Yes,
            dnssec_ok: self.dnssec_ok,
            ede: self.ede.map(|code| (code, self.text.clone())),
            cookie: self.cookie.as_ref().map(|octets| octets.0.clone()),
            ecs: self.ecs.as_ref().map(|octets| octets.0.clone()),
        };
        if self.opt == Presence::Any {
            (want.has_opt, want.ede) = (reply.has_opt, reply.ede.clone());
        }
        if want == *reply {
            Ok(())
        } else {
            Err(format!("the answer says {reply:?}\nand not           {want:?}"))
        }
    }
}
