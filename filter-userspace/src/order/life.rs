//! When an order is in force. The clock is a parameter.

use jiff::Timestamp;

use super::Order;
use super::time::day_start;
use super::words::Status;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// It begins later.
    Scheduled,
    /// Its deadline has passed and it begins later still.
    Overdue,
    /// It is in force.
    Enforced,
    /// It is suspended.
    Suspended,
    /// It was lifted.
    Lifted,
    /// It was annulled.
    Annulled,
    /// Its end has passed.
    Expired,
}

impl Life {
    /// The word in JSON and tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Life::Scheduled => "scheduled",
            Life::Overdue => "overdue",
            Life::Enforced => "enforced",
            Life::Suspended => "suspended",
            Life::Lifted => "lifted",
            Life::Annulled => "annulled",
            Life::Expired => "expired",
        }
    }
}

impl Order {
    /// From when it is in force: `effective-from`, else `received`, else `issued`; `None`: always.
    #[must_use]
    pub fn begins(&self) -> Option<Timestamp> {
        self.effective_from.or_else(|| self.date())
    }

    /// Its rank by date: when it was received, else issued.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.received.map(|received| received.at).or_else(|| self.issued.and_then(day_start))
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn life(&self, now: Timestamp) -> Life {
        match self.status {
            Status::Suspended => return Life::Suspended,
            Status::Lifted => return Life::Lifted,
            Status::Annulled => return Life::Annulled,
            Status::Expired => return Life::Expired,
            Status::Interim | Status::Final | Status::Appealed | Status::Upheld => {}
        }
        if self.effective_until.is_some_and(|until| until <= now) {
            return Life::Expired;
        }
        if self.begins().is_none_or(|from| from <= now) {
            return Life::Enforced;
        }
        match self.deadline {
            Some(deadline) if deadline <= now => Life::Overdue,
            _ => Life::Scheduled,
        }
    }

    /// Whether it is in force at `now`.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.life(now) == Life::Enforced
    }

    /// Whether its deadline has passed without it being in force yet.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> bool {
        self.life(now) == Life::Overdue
    }

    /// The next time after `after` at which it comes into force or ceases to be, as things stand.
    #[must_use]
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        if !self.status.is_binding() {
            return None;
        }
        let from = self.begins();
        let until = self.effective_until;
        let never = from.is_some_and(|from| until.is_some_and(|until| until <= from));
        if never {
            return None;
        }
        [from, until].into_iter().flatten().filter(|change| *change > after).min()
    }
}
