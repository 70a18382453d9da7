//! Answers as templates: the octets of SOA, address and OPT records that the program copies behind a question.

use std::collections::HashMap;

use filter_common::abi::{
    ACTION_BADVERS, ACTION_FORMERR, Action, KIND_ANSWER, KIND_DROP, KIND_PASSTHRU, MAX_RECORDS,
    SECTION_ANSWER, SECTION_AUTHORITY,
};
use serde::Deserialize;

use crate::names::Name;
use crate::order::{self, ActionKind};

/// Octets that MNAME and RNAME may have together on the wire, so that a whole answer (255-octet name, SOA, OPT with EDE
/// and a 40-octet cookie) stays within 512 octets.
const MAX_SOA_NAMES: usize = 84;

const TYPE_A: u16 = 1;
const TYPE_SOA: u16 = 6;
const TYPE_AAAA: u16 = 28;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;
const OPTION_EDE: u16 = 15;
const RCODE_NOERROR: u16 = 0;
const RCODE_FORMERR: u16 = 1;
const RCODE_NXDOMAIN: u16 = 3;
const RCODE_REFUSED: u16 = 5;
/// Upper octet of BADVERS, the extended RCODE 16 (RFC 6891 section 6.1.3).
const BADVERS: u8 = 1;
/// UDP payload size of our OPT records.
const PAYLOAD: u16 = 1232;
/// Where the owner's pointer comes to stand; the program writes the real one.
const OWNER: u16 = 0xc00c;
/// SOA numbers (RFC 1035 section 3.3.13): SERIAL, REFRESH, RETRY, EXPIRE.
const SOA_NUMBERS: [u32; 4] = [1, 3600, 600, 86_400];

/// Who answers: MNAME and RNAME of every SOA.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Soa {
    /// The primary server; the root by default.
    pub mname: Name,
    /// The mailbox of the person responsible, as a name; the root by default.
    pub rname: Name,
}

impl Default for Soa {
    fn default() -> Soa {
        Soa { mname: Name::ROOT, rname: Name::ROOT }
    }
}

impl Soa {
    /// Checks that every answer stays within 512 octets.
    ///
    /// # Errors
    /// Subject and fact; what was expected; remedy.
    pub fn check(&self) -> Result<(), String> {
        // a root label each
        let octets = self
            .mname
            .borrow()
            .wire()
            .len()
            .saturating_add(self.rname.borrow().wire().len())
            .saturating_add(2);
        if octets <= MAX_SOA_NAMES {
            return Ok(());
        }
        Err(format!(
            "mname and rname have {octets} octets together; expected at most {MAX_SOA_NAMES}, so that answers stay \
             within 512; shorten them"
        ))
    }
}

/// The actions of one policy, each distinct one once.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    soa: Soa,
    actions: Vec<Action>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Templates {
    /// The three that every generation has.
    pub(super) fn new(soa: &Soa) -> Templates {
        let mut formerr = Draft::answer(RCODE_FORMERR);
        formerr.opt(0, None);
        let mut badvers = Draft::answer(RCODE_NOERROR);
        badvers.opt(BADVERS, None);
        let actions = vec![Action::ZERO, formerr.action, badvers.action];
        debug_assert_eq!((ACTION_FORMERR, ACTION_BADVERS), (1, 2));
        Templates { soa: soa.clone(), actions, numbers: HashMap::new() }
    }

    /// The actions, by number.
    pub(super) fn into_actions(self) -> Vec<Action> {
        self.actions
    }

    /// Number of the order's action for a query type; `None`: all types without a class of their own.
    pub(super) fn number(&mut self, action: &order::Action, qtype: Option<u16>) -> u32 {
        let made = make(action, qtype, &self.soa);
        let mut octets: Vec<u8> = [made.kind, made.rcode, made.record, made.section, made.opt, made.text]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        octets.extend_from_slice(&made.records);
        let actions = &mut self.actions;
        *self.numbers.entry(octets).or_insert_with(|| {
            actions.push(made);
            u32::try_from(actions.len().saturating_sub(1)).unwrap_or(0)
        })
    }
}

fn make(action: &order::Action, qtype: Option<u16>, soa: &Soa) -> Action {
    let rcode = match action.kind {
        ActionKind::Drop => return Action { kind: KIND_DROP, ..Action::ZERO },
        ActionKind::Passthru => return Action { kind: KIND_PASSTHRU, ..Action::ZERO },
        ActionKind::Nxdomain => RCODE_NXDOMAIN,
        ActionKind::Nodata | ActionKind::Address => RCODE_NOERROR,
        ActionKind::Refused => RCODE_REFUSED,
    };
    let mut draft = Draft::answer(rcode);
    match (action.kind, qtype, action.a, action.aaaa) {
        (ActionKind::Refused, ..) => {}
        (ActionKind::Address, Some(TYPE_A), Some(address), _) => {
            draft.record(SECTION_ANSWER, TYPE_A, action.ttl, &[&address.octets()]);
        }
        (ActionKind::Address, Some(TYPE_AAAA), _, Some(address)) => {
            draft.record(SECTION_ANSWER, TYPE_AAAA, action.ttl, &[&address.octets()]);
        }
        _ => draft.soa(soa, action.ttl),
    }
    draft.opt(0, action.ede.map(|code| (code, action.text.as_str())));
    draft.action
}

/// An action whose records are being written.
struct Draft {
    action: Action,
    end: usize,
}

impl Draft {
    fn answer(rcode: u16) -> Draft {
        Draft { action: Action { kind: KIND_ANSWER, rcode, ..Action::ZERO }, end: 0 }
    }

    fn soa(&mut self, soa: &Soa, ttl: u32) {
        let [serial, refresh, retry, expire] = SOA_NUMBERS.map(u32::to_be_bytes);
        let (mname, rname) = (soa.mname.borrow().wire(), soa.rname.borrow().wire());
        let minimum = ttl.to_be_bytes();
        let rdata: [&[u8]; 9] = [mname, &[0], rname, &[0], &serial, &refresh, &retry, &expire, &minimum];
        self.record(SECTION_AUTHORITY, TYPE_SOA, ttl, &rdata);
    }

    fn record(&mut self, section: u16, rtype: u16, ttl: u32, rdata: &[&[u8]]) {
        self.header(OWNER, rtype, CLASS_IN, ttl, rdata);
        self.action.section = section;
        self.action.record = u16::try_from(self.end).unwrap_or(0);
    }

    fn opt(&mut self, extended: u8, ede: Option<(u16, &str)>) {
        let before = self.end;
        // the root as owner: one octet, before type and class
        self.put(&[0]);
        let ttl = u32::from_be_bytes([extended, 0, 0, 0]);
        match ede {
            None => self.fixed(TYPE_OPT, PAYLOAD, ttl, &[]),
            Some((code, text)) => {
                let size = u16::try_from(text.len().saturating_add(2)).unwrap_or(2);
                let (option, size) = (OPTION_EDE.to_be_bytes(), size.to_be_bytes());
                self.fixed(TYPE_OPT, PAYLOAD, ttl, &[&option, &size, &code.to_be_bytes(), text.as_bytes()]);
            }
        }
        self.action.opt = u16::try_from(self.end.saturating_sub(before)).unwrap_or(0);
        self.action.text = u16::try_from(ede.map_or(0, |(_, text)| text.len())).unwrap_or(0);
    }

    fn header(&mut self, owner: u16, rtype: u16, class: u16, ttl: u32, rdata: &[&[u8]]) {
        self.put(&owner.to_be_bytes());
        self.fixed(rtype, class, ttl, rdata);
    }

    fn fixed(&mut self, rtype: u16, class: u16, ttl: u32, rdata: &[&[u8]]) {
        let size = rdata.iter().map(|part| part.len()).sum::<usize>();
        self.put(&rtype.to_be_bytes());
        self.put(&class.to_be_bytes());
        self.put(&ttl.to_be_bytes());
        self.put(&u16::try_from(size).unwrap_or(0).to_be_bytes());
        for part in rdata {
            self.put(part);
        }
    }

    /// Appends octets. They fit: [`Soa::check`] and the order's text limit see to it.
    fn put(&mut self, octets: &[u8]) {
        let end = self.end.saturating_add(octets.len()).min(MAX_RECORDS);
        if let Some(place) = self.action.records.get_mut(self.end..end) {
            for (to, from) in place.iter_mut().zip(octets) {
                *to = *from;
            }
        }
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn action(kind: ActionKind) -> order::Action {
        order::Action {
            kind,
            ede: Some(16),
            ttl: 60,
            text: "Court order IT-EX-0001".into(),
            a: None,
            aaaa: None,
            types: BTreeSet::new(),
        }
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn records(action: &Action) -> String {
        hex(&action.records[..usize::from(action.record + action.opt)])
    }

    const OPT: &str = "00002904d000000000001c000f00180010436f757274206f726465722049542d45582d30303031";

    #[test]
    fn nxdomain_is_the_octets_of_the_wire_vector() {
        let made = make(&action(ActionKind::Nxdomain), None, &Soa::default());
        let soa = "c00c000600010000003c001600000000000100000e1000000258000151800000003c";
        assert_eq!(records(&made), format!("{soa}{OPT}"));
        assert_eq!((made.kind, made.rcode, made.section), (KIND_ANSWER, 3, SECTION_AUTHORITY));
        assert_eq!((made.record, made.opt, made.text), (34, 39, 22));
    }

    #[test]
    fn refused_has_no_record() {
        let made = make(&action(ActionKind::Refused), None, &Soa::default());
        assert_eq!(records(&made), OPT);
        assert_eq!((made.rcode, made.section, made.record), (5, 0, 0));
    }

    #[test]
    fn an_address_answers_its_own_type_and_nodata_the_rest() {
        let stop = order::Action { a: Some([192, 0, 2, 80].into()), ..action(ActionKind::Address) };
        let a = make(&stop, Some(1), &Soa::default());
        assert_eq!(hex(&a.records[..16]), "c00c000100010000003c0004c0000250");
        assert_eq!((a.record, a.section, a.rcode), (16, SECTION_ANSWER, 0));
        for qtype in [Some(28), Some(65), None] {
            let other = make(&stop, qtype, &Soa::default());
            assert_eq!((other.section, other.rcode, other.record), (SECTION_AUTHORITY, 0, 34));
        }
        let both = order::Action { aaaa: "2001:db8::80".parse().ok(), ..stop };
        let aaaa = make(&both, Some(28), &Soa::default());
        assert_eq!(hex(&aaaa.records[..28]), "c00c001c00010000003c001020010db8000000000000000000000080");
    }

    #[test]
    fn the_fixed_actions_stand_at_their_places() {
        let mut templates = Templates::new(&Soa::default());
        let first = templates.number(&action(ActionKind::Nxdomain), None);
        let again = templates.number(&action(ActionKind::Nxdomain), None);
        let drop = templates.number(&action(ActionKind::Drop), None);
        let passthru = templates.number(&action(ActionKind::Passthru), None);
        assert_eq!((first, again, drop, passthru), (3, 3, 4, 5));
        let actions = templates.into_actions();
        assert_eq!(actions[0], Action::ZERO);
        assert_eq!((actions[1].rcode, records(&actions[1])), (1, "00002904d0000000000000".into()));
        assert_eq!((actions[2].rcode, records(&actions[2])), (0, "00002904d0010000000000".into()));
        assert_eq!((actions[1].opt, actions[2].opt), (11, 11));
        assert_eq!((actions[4].kind, actions[5].kind), (KIND_DROP, KIND_PASSTHRU));
    }

    #[test]
    fn the_longest_answer_fits() {
        let name = |size: usize| Name::parse(&"a".repeat(size)).expect("a name");
        let soa = Soa { mname: name(40), rname: name(40) };
        assert_eq!(soa.check(), Ok(()));
        let text = "x".repeat(order::MAX_TEXT);
        let made = make(&order::Action { text, ..action(ActionKind::Nxdomain) }, None, &soa);
        let cookie = 4 + 40;
        assert!(12 + 255 + 4 + usize::from(made.record + made.opt) + cookie <= 512);
        assert!(usize::from(made.record + made.opt) <= MAX_RECORDS);
        assert!(Soa { mname: name(41), rname: name(40) }.check().is_err());
    }
}
