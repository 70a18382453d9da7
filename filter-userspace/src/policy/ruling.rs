//! What follows from the orders' terms, the regions, the types and the mode of one policy: its actions, and the decision
//! of every set of rules. As long as all of those stay, only new sets need deciding.

use std::sync::Arc;

use filter_common::abi::{Action, Decision};

use super::clients::{Clients, Prefixes};
use super::hits::HitTable;
use super::input::PolicyInput;
use super::rows::{Court, Terms};
use super::rule::SetRules;
use super::snapshot::Mode;
use super::template::{Soa, Templates};

/// The terms of every part, by its number.
pub(super) type AllTerms = Arc<Vec<Option<Terms>>>;

/// What decided the last snapshot, and how.
#[derive(Clone, Debug)]
pub(super) struct Ruling {
    court: Court,
    soa: Soa,
    pub(super) terms: AllTerms,
    pub(super) mode: Mode,
    pub(super) types: Vec<u16>,
    pub(super) clients: Clients,
    pub(super) actions: Vec<Action>,
    pub(super) decisions: Vec<Decision>,
}

impl Ruling {
    /// Works everything out anew, except tries that come out the same as `before`.
    pub(super) fn new(
        input: &PolicyInput,
        prefixes: Prefixes,
        terms: AllTerms,
        types: Vec<u16>,
        before: Option<Ruling>,
    ) -> Ruling {
        let clients = match before.map(|before| before.clients) {
            Some(clients) if clients.are_from(&prefixes) => clients,
            before => Clients::number(prefixes, before.as_ref()),
        };
        let mut templates = Templates::new(&input.soa);
        let court = Court::new(&terms, &clients, &types, input.mode, &mut templates);
        Ruling {
            court,
            soa: input.soa.clone(),
            terms,
            mode: input.mode,
            types,
            clients,
            actions: templates.into_actions(),
            decisions: Vec::new(),
        }
    }

    /// Whether every decision would come out the same.
    pub(super) fn stands(
        &self,
        input: &PolicyInput,
        prefixes: &Prefixes,
        terms: &[Option<Terms>],
        types: &[u16],
    ) -> bool {
        self.mode == input.mode
            && self.soa == input.soa
            && self.types == types
            && self.clients.are_from(prefixes)
            && self.terms.len() == terms.len()
            && self.terms.iter().zip(terms).all(|pair| match pair {
                (Some(a), Some(b)) => a.decides_as(b),
                (None, None) => true,
                _ => false,
            })
    }

    /// The same with terms that decide the same.
    pub(super) fn with_terms(self, terms: AllTerms) -> Ruling {
        Ruling { terms, ..self }
    }

    /// Decides these sets.
    pub(super) fn decide(&mut self, sets: &[SetRules], numbers: &[u32], hits: &mut Arc<HitTable>) {
        let stride = self.court.stride();
        self.decisions.resize(sets.len().saturating_mul(stride), Decision::default());
        for number in numbers {
            let start = (*number as usize).saturating_mul(stride);
            let cells = self.decisions.get_mut(start..start.saturating_add(stride));
            if let (Some(set), Some(cells)) = (sets.get(*number as usize), cells) {
                self.court.decide(set, cells, Arc::make_mut(hits));
            }
        }
    }
}
