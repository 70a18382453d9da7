//! Names that look like those of public block lists: how long, how deep and under which top-level domains; and names
//! that are not listed but lie beside them. All of it invented, and the same at each run.

use std::fmt::Write;

use crate::random::Random;

/// Top-level domains (and two public suffixes) with their share in a hundred.
const TOPS: [(&str, usize); 18] = [
    ("com", 46),
    ("net", 8),
    ("org", 6),
    ("info", 5),
    ("xyz", 5),
    ("ru", 5),
    ("top", 4),
    ("online", 3),
    ("co.uk", 3),
    ("de", 3),
    ("site", 2),
    ("io", 2),
    ("biz", 2),
    ("com.br", 2),
    ("cn", 1),
    ("it", 1),
    ("club", 1),
    ("shop", 1),
];
/// What labels are made of.
const WORDS: [&str; 40] = [
    "ad", "ads", "click", "track", "pixel", "stat", "metric", "beacon", "promo", "bid", "sync", "data",
    "count", "serve", "media", "tag", "edge", "cdn", "app", "web", "shop", "free", "best", "fast", "bonus",
    "win", "play", "loan", "bank", "mail", "secure", "login", "update", "cloud", "video", "news", "game",
    "stream", "torrent", "sport",
];
/// Leftmost labels of three names in ten.
const HOSTS: [&str; 10] = ["www", "www", "ads", "track", "cdn", "stats", "m", "px", "api", "static"];
/// A listed name as deep as a rule can be: 34 labels.
pub(super) const DEEPEST: &str = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.q";

/// Names, one a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    /// So many different names.
    #[must_use]
    pub(super) fn listed(count: usize) -> Names {
        let mut random = Random::new(42);
        let mut names = Names { text: String::with_capacity(count * 22), ends: Vec::with_capacity(count) };
        for number in 0..count {
            names.push_listed(number, &mut random);
        }
        names
    }

    fn push_listed(&mut self, number: usize, random: &mut Random) {
        let first = random.one_of(&WORDS);
        let second = if random.below(10) < 6 { random.one_of(&WORDS) } else { "" };
        let host = if random.below(10) < 3 { random.one_of(&HOSTS) } else { "" };
        let dot = if host.is_empty() { "" } else { "." };
        let dash = if random.below(10) < 3 { "-" } else { "" };
        // a String takes everything
        let _infallible = if random.below(10) < 8 {
            write!(self.text, "{host}{dot}{first}{second}{dash}{number}.{}", top(random))
        } else {
            let junk = random.number() >> (64 - [24, 32, 48][random.below(3)]);
            write!(self.text, "{host}{dot}{first}-{junk:x}x{number}.{}", top(random))
        };
        self.text.push('\n');
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// All of them, one a line.
    #[must_use]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many they are.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One of them.
    #[must_use]
    pub(super) fn get(&self, index: usize) -> &str {
        self.lines(index, index + 1).trim_end()
    }

    /// Lines `from..to`.
    #[must_use]
    pub(super) fn lines(&self, from: usize, to: usize) -> &str {
        let end_of = |count: usize| match count.min(self.ends.len()) {
            0 => 0,
            count => self.ends[count - 1] as usize,
        };
        &self.text[end_of(from)..end_of(to)]
    }

    /// The parent of a listed name, when the parent is not listed itself: one with names below it.
    fn parent(&self, random: &mut Random) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        (0..50).find_map(|_| {
            let (host, parent) = self.get(random.below(self.len())).split_once('.')?;
            (HOSTS.contains(&host) && parent.contains('.')).then_some(parent)
        })
    }
}

fn top(random: &mut Random) -> &'static str {
    let mut place = random.below(100);
    let found = TOPS.iter().find(|(_, share)| {
        let found = place < *share;
        place = place.saturating_sub(*share);
        found
    });
    found.map_or("com", |(top, _)| top)
}

/// Octets of a name in a message.
#[must_use]
pub(super) fn wire_octets(name: &str) -> usize {
    name.len() + 2
}

/// A name that is not listed, of so many octets and labels. Of ten, seven lie under a top-level domain with listed
/// names, two beside a listed name, one under a top-level domain that no listed name has.
#[must_use]
pub(super) fn benign(listed: &Names, octets: usize, labels: usize, random: &mut Random) -> String {
    let beside = if random.below(10) < 2 { listed.parent(random) } else { None };
    let fitting = beside.filter(|parent| {
        let own = parent.matches('.').count() + 1;
        own < labels && wire_octets(parent) + 2 * (labels - own) <= octets
    });
    let suffix = match (fitting, random.below(10)) {
        (Some(parent), _) => parent.to_owned(),
        (None, 0) => format!("unlisted{}", random.below(10)),
        (None, _) => TOPS[random.below(8)].0.to_owned(),
    };
    filled(&suffix, octets, labels, random)
}

/// Labels of random letters before a suffix, so that the whole has so many octets and labels.
fn filled(suffix: &str, octets: usize, labels: usize, random: &mut Random) -> String {
    let more = labels.saturating_sub(suffix.matches('.').count() + 1).max(1);
    let letters = octets.saturating_sub(wire_octets(suffix) + more);
    let mut name = String::with_capacity(octets);
    for label in 0..more {
        let size = letters / more + usize::from(label < letters % more);
        // without the two labels of a single letter with which listed names begin
        name.extend((0..size.max(1)).map(|_| char::from(*random.one_of(b"bcdefghijklnopqrstuvwxyz"))));
        name.push('.');
    }
    name + suffix
}

/// 255 octets and 127 labels below the parent of the deepest listed name, so that a walk from the root goes as far as a
/// walk can.
#[must_use]
pub(super) fn hostile(random: &mut Random) -> String {
    let (_, parent) = DEEPEST.split_once('.').unwrap_or(("", DEEPEST));
    filled(parent, 255, 127, random)
}

/// 255 octets and 127 labels under a top-level domain with listed names.
#[must_use]
pub(super) fn long(listed: &Names, random: &mut Random) -> String {
    let suffix = listed.parent(random).filter(|parent| wire_octets(parent) % 2 == 1).unwrap_or("q");
    let labels = suffix.matches('.').count() + 1 + (255 - wire_octets(suffix)) / 2;
    filled(suffix, 255, labels, random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn listed_names_differ_and_are_as_long_as_real_ones() {
        let names = Names::listed(20_000);
        let different: HashSet<&str> = names.text().lines().collect();
        assert_eq!((different.len(), names.len()), (20_000, 20_000));
        let mean = names.text().len() / 20_000;
        assert!((17..=24).contains(&mean), "{mean}");
        assert_eq!(names.get(7), names.text().lines().nth(7).unwrap());
        assert_eq!(names.lines(3, 5).lines().count(), 2);
    }

    #[test]
    fn other_names_have_their_sizes() {
        let (names, mut random) = (Names::listed(5_000), Random::new(1));
        let listed: HashSet<&str> = names.text().lines().collect();
        let labels = |name: &str| name.matches('.').count() + 1;
        for _ in 0..500 {
            for (octets, count) in [(20, 3), (60, 6)] {
                let name = benign(&names, octets, count, &mut random);
                assert_eq!((wire_octets(&name), labels(&name)), (octets, count), "{name}");
                assert!(!listed.contains(name.as_str()), "{name}");
            }
            let name = hostile(&mut random);
            assert_eq!((wire_octets(&name), labels(&name)), (255, 127), "{name}");
            assert_eq!(wire_octets(&long(&names, &mut random)), 255);
        }
    }
}
