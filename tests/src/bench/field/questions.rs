//! What is asked: names of the list, names that the resolver knows, and both.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::names::Names;
use crate::random::Random;

/// Queries in a file.
const QUERIES: usize = 100_000;
/// Different names that the resolver knows, few enough for every cache to hold them all soon.
const CLEAN: usize = 5_000;
/// The zone that the resolvers know.
pub(super) const KNOWN: &str = "allow.test";
/// What they answer for it.
pub(super) const KNOWN_ADDRESS: &str = "192.0.2.1";

/// Which names are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Listed ones.
    Blocked,
    /// Ones that the resolver knows.
    Clean,
    /// One half each.
    Mix,
}

impl Sort {
    const ALL: [Sort; 3] = [Sort::Blocked, Sort::Clean, Sort::Mix];

    /// For people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Sort::Blocked => "blocked",
            Sort::Clean => "clean",
            Sort::Mix => "mix",
        }
    }
}

/// The files of queries.
pub(super) struct Questions {
    files: [PathBuf; 3],
    /// A listed name, the last one.
    pub(super) last: String,
}

impl Questions {
    pub(super) fn write(folder: &Path, names: &Names) -> anyhow::Result<Questions> {
        let mut random = Random::new(99);
        let files = Sort::ALL.map(|sort| folder.join(format!("{}.txt", sort.label())));
        for (sort, file) in Sort::ALL.into_iter().zip(&files) {
            let mut text = String::new();
            for _ in 0..QUERIES {
                let is_blocked = sort == Sort::Blocked || (sort == Sort::Mix && random.once_in(2));
                // a String takes everything
                let _infallible = match is_blocked {
                    true => writeln!(text, "{} A", names.get(random.below(names.len()))),
                    false => writeln!(text, "site{}.{KNOWN} A", random.below(CLEAN)),
                };
            }
            std::fs::write(file, text).with_context(|| file.display().to_string())?;
        }
        Ok(Questions { files, last: names.get(names.len().saturating_sub(1)).to_owned() })
    }

    pub(super) fn file(&self, sort: Sort) -> &Path {
        &self.files[sort as usize]
    }
}
