//! The filter on the host: a frame in a vector, and what the XDP program does with a verdict, by the same code.

extern crate std;

use core::cell::{Cell, RefCell};
use std::vec::Vec;

use crate::abi::{Action, Settings};
use crate::answer::{self, Plan};
use crate::filter::filter;
use crate::octets::{Octets, OctetsMut, SCRATCH_SLOTS, Scratch};
use crate::outcome::{Match, Outcome, Query};
use crate::policy::{Policy, Services};
use crate::verdict::{DropReason, Verdict};

/// A whole frame and the working memory of one run.
#[derive(Debug)]
pub struct Frame {
    octets: RefCell<Vec<u8>>,
    /// Octets that can be read: the first buffer's.
    readable: usize,
    scratch: Vec<Cell<u64>>,
}

/// Where room for a longer answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Behind the frame.
    Tail,
    /// In front of it.
    Head,
    /// Nowhere: the answer is cut.
    Nowhere,
}

/// A run's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What the filter said.
    pub outcome: Outcome,
    /// The verdict that was carried out; it differs only when a write failed.
    pub verdict: Verdict,
    /// The frame afterwards.
    pub octets: Vec<u8>,
    /// Whether the answer was cut for lack of room.
    pub is_cut: bool,
}

/// Runs the filter on a frame and carries out its verdict. `actions` are the generation's.
pub fn run<P: Policy + Services>(
    octets: &[u8],
    policy: &P,
    actions: &[Action],
    settings: &Settings,
    room: Room,
) -> Run {
    run_frame(Frame::new(octets), policy, actions, settings, room)
}

/// The same for a frame that was made otherwise.
pub fn run_frame<P: Policy + Services>(
    frame: Frame,
    policy: &P,
    actions: &[Action],
    settings: &Settings,
    room: Room,
) -> Run {
    let outcome = filter(&frame, policy, settings);
    let mut is_cut = false;
    let done = match outcome {
        Outcome::Unmatched(_) => Some(()),
        Outcome::Matched(Match { verdict: Verdict::Pass(_) | Verdict::Drop(_), .. }) => Some(()),
        Outcome::Matched(Match { verdict: Verdict::Answer(action), query, .. }) => {
            let template = actions.get(action as usize).copied().unwrap_or(Action::ZERO);
            respond(&frame, &query, &template, settings, room).map(|cut| is_cut = cut)
        }
        Outcome::Matched(Match { verdict: Verdict::Reset, query, .. }) => {
            answer::reset(&frame, &query).map(|length| frame.octets.borrow_mut().truncate(length))
        }
    };
    let verdict = done.map_or(Verdict::Drop(DropReason::WriteFailed), |()| outcome.verdict());
    Run { outcome, verdict, octets: frame.octets.into_inner(), is_cut }
}

fn respond(frame: &Frame, query: &Query, template: &Action, settings: &Settings, room: Room) -> Option<bool> {
    let plan = answer::plan(frame, query, template, settings)?;
    let (plan, is_cut) = frame.make_room(plan, room)?;
    answer::write(frame, &plan, template)?;
    Some(is_cut)
}

impl Frame {
    /// A frame of these octets.
    #[must_use]
    pub fn new(octets: &[u8]) -> Frame {
        Frame::in_buffers(octets, usize::MAX)
    }

    /// A frame of these octets, of which the first `readable` are in its first buffer.
    #[must_use]
    pub fn in_buffers(octets: &[u8], readable: usize) -> Frame {
        Frame {
            octets: RefCell::new(octets.to_vec()),
            readable,
            scratch: std::vec![Cell::new(0); SCRATCH_SLOTS],
        }
    }

    /// The place of `N` octets, when the first buffer holds them.
    fn place<const N: usize>(&self, base: usize, field: usize) -> Option<core::ops::Range<usize>> {
        let at = base.wrapping_add(field);
        let end = at.checked_add(N)?;
        (end <= self.readable).then_some(at..end)
    }

    fn make_room(&self, plan: Plan, room: Room) -> Option<(Plan, bool)> {
        let present = self.octets.borrow().len();
        let by = plan.length().saturating_sub(present);
        if by == 0 || room == Room::Tail {
            self.octets.borrow_mut().resize(plan.length(), 0);
            return Some((plan, false));
        }
        if room == Room::Head {
            let front = by.max(answer::MIN_MOVE);
            self.octets.borrow_mut().splice(0..0, std::vec![0; front]);
            answer::forward(self, plan.question, front)?;
            self.octets.borrow_mut().truncate(plan.length());
            return Some((plan, false));
        }
        let plan = plan.cut(present);
        self.octets.borrow_mut().truncate(plan.length());
        Some((plan, true))
    }

    fn read<const N: usize>(&self, base: usize, field: usize) -> Option<[u8; N]> {
        self.octets.borrow().get(self.place::<N>(base, field)?)?.try_into().ok()
    }

    fn write<const N: usize>(&self, base: usize, field: usize, octets: [u8; N]) -> Option<()> {
        self.octets.borrow_mut().get_mut(self.place::<N>(base, field)?)?.copy_from_slice(&octets);
        Some(())
    }
}

impl Octets for Frame {
    fn u8_at(&self, base: usize, field: usize) -> Option<u8> {
        self.read::<1>(base, field).map(u8::from_be_bytes)
    }
    fn u16_at(&self, base: usize, field: usize) -> Option<u16> {
        self.read(base, field).map(u16::from_be_bytes)
    }
    fn u32_at(&self, base: usize, field: usize) -> Option<u32> {
        self.read(base, field).map(u32::from_le_bytes)
    }
    fn u64_at(&self, base: usize, field: usize) -> Option<u64> {
        self.read(base, field).map(u64::from_le_bytes)
    }
    fn words_at<const N: usize>(&self, base: usize, field: usize) -> Option<[u32; N]> {
        let mut words = [0; N];
        for (at, word) in (field..).step_by(4).zip(&mut words) {
            *word = self.u32_at(base, at)?;
        }
        Some(words)
    }
    type Cursor = usize;
    fn cursor(&self, base: usize) -> usize {
        base
    }
    fn octet(&self, cursor: usize) -> Option<u8> {
        self.u8_at(cursor, 0)
    }
    fn step(&self, cursor: usize, by: usize) -> usize {
        cursor.wrapping_add(by).wrapping_add(1)
    }
    fn holds(&self, end: usize) -> bool {
        end <= self.octets.borrow().len()
    }
    fn is_multi_buffer(&self) -> bool {
        self.octets.borrow().len() > self.readable
    }
}

impl OctetsMut for Frame {
    fn set_u8(&self, base: usize, field: usize, value: u8) -> Option<()> {
        self.write(base, field, [value])
    }
    fn set_u16(&self, base: usize, field: usize, value: u16) -> Option<()> {
        self.write(base, field, value.to_be_bytes())
    }
    fn set_u32(&self, base: usize, field: usize, value: u32) -> Option<()> {
        self.write(base, field, value.to_le_bytes())
    }
    fn set_u64(&self, base: usize, field: usize, value: u64) -> Option<()> {
        self.write(base, field, value.to_le_bytes())
    }
}

impl Scratch for Frame {
    fn put(&self, slot: usize, value: u64) {
        if let Some(cell) = self.scratch.get(slot % SCRATCH_SLOTS) {
            cell.set(value);
        }
    }
    fn get(&self, slot: usize) -> u64 {
        self.scratch.get(slot % SCRATCH_SLOTS).map_or(0, Cell::get)
    }
}
