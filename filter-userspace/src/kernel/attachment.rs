//! Our program on an interface, and taking it off.
//!
//! A link outlives us by its pin: dropping an [`Attachment`] leaves the interface filtered, as a crash does;
//! [`Attachment::detach`] or [`detach`] ends it. It knows no policy.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::attach::Mode;
use super::error::KernelError;
use super::link;
use super::pin::{LinkPin, PinDir, pin_error};

/// How the interface came to run our program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By a new link.
    Attached,
    /// By the link that an agent before us left pinned, whose program this one replaced without a gap.
    TakenOver {
        /// The id of the program that was replaced.
        program: u32,
    },
}

/// Whether an attachment still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Our program judges the interface's packets.
    Attached,
    /// The interface went away (and one of its name may be back): attach again.
    InterfaceGone,
    /// Somebody removed the pin: the interface is filtered only as long as this process lives.
    Unpinned,
}

/// The interfaces that run our program, by index: their banks of counters are the ones worth reading.
pub(super) type Attached = Arc<Mutex<BTreeMap<u32, String>>>;

/// Our program on one interface. Dropping it changes nothing there: see the module.
#[derive(Debug)]
pub struct Attachment {
    pub(super) interface: String,
    pub(super) ifindex: u32,
    pub(super) mode: Mode,
    pub(super) origin: Origin,
    pub(super) driver_refused: Option<String>,
    pub(super) path: PathBuf,
    pub(super) link: OwnedFd,
    pub(super) attached: Attached,
}

impl Attachment {
    /// The interface's name.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The interface's index.
    #[must_use]
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// The mode it runs in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How it came to be.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Why driver mode was not to be had, when skb mode was taken for want of it.
    #[must_use]
    pub fn driver_refused(&self) -> Option<&str> {
        self.driver_refused.as_deref()
    }

    /// Where its link is pinned.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it still holds.
    ///
    /// # Errors
    /// The kernel's.
    pub fn health(&self) -> Result<Health, KernelError> {
        let state = link::state(self.link.as_fd())
            .map_err(KernelError::call(format!("asking for the link on {}", self.interface)))?;
        Ok(match state.ifindex {
            0 => Health::InterfaceGone,
            _ if !self.path.exists() => Health::Unpinned,
            _ => Health::Attached,
        })
    }

    /// Whether our program still judges the interface's packets, and will when this process is gone.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.health().is_ok_and(|health| health == Health::Attached)
    }

    /// Takes our program off the interface.
    ///
    /// # Errors
    /// The kernel's; the interface may still be filtered then.
    pub fn detach(self) -> Result<(), KernelError> {
        release(self.link.as_fd(), &self.path, &self.interface)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        if attached.get(&self.ifindex) == Some(&self.interface) {
            attached.remove(&self.ifindex);
        }
    }
}

/// What [`detach`] found at a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    /// Name of the interface.
    pub interface: String,
    /// Whether the interface was filtered until now (else it was gone already, and only the pin was left).
    pub was_attached: bool,
}

/// Takes every program of ours off its interface, whichever agent or version put it there, and removes the pins.
///
/// # Errors
/// The first that was met; every pin was tried.
pub fn detach(pins: &PinDir) -> Result<Vec<Detached>, KernelError> {
    let (mut done, mut failed) = (Vec::new(), None);
    for LinkPin { interface, path } in pins.links()? {
        let opened = link::open(&path).map_err(pin_error("open the link", &path));
        let ended = opened.and_then(|(fd, state)| {
            release(fd.as_fd(), &path, &interface)?;
            Ok(Detached { interface, was_attached: state.ifindex != 0 })
        });
        match ended {
            Ok(detached) => done.push(detached),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    pins.tidy();
    failed.map_or(Ok(done), Err)
}

fn release(link: BorrowedFd<'_>, path: &Path, interface: &str) -> Result<(), KernelError> {
    match link::detach(link) {
        // ENOLINK: the interface is gone already
        Err(error) if error.raw_os_error() != Some(libc::ENOLINK) => {
            return Err(KernelError::call(format!("detaching from {interface}"))(error));
        }
        _ => {}
    }
    remove(path)
}

/// Removes a pin, if it is there still.
pub(super) fn remove(path: &Path) -> Result<(), KernelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(pin_error("remove", path)(error)),
        _ => Ok(()),
    }
}
