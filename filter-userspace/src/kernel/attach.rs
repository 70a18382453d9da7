//! Putting our program on an interface: by a new pinned link, or in the place of the program that a pinned link of ours
//! holds there. The kernel replaces that one between two packets, so that none goes unjudged while one agent follows
//! another. It knows no policy.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use aya_obj::generated::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
use filter_common::abi::COUNTER_BANKS;
use nix::net::if_::if_nametoindex;

use super::attachment::{Attached, Attachment, Origin, remove};
use super::error::KernelError;
use super::holder::{self, Holder};
use super::link;
use super::pin::{PinDir, pin_error};

/// How an interface runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In its driver, before a socket buffer is made.
    Driver,
    /// In the network stack, after one is made: any interface can, and it costs more.
    Skb,
}

impl Mode {
    /// The mode's word.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Mode::Driver => "driver",
            Mode::Skb => "skb",
        }
    }

    const fn flags(self) -> u32 {
        match self {
            Mode::Driver => XDP_FLAGS_DRV_MODE,
            Mode::Skb => XDP_FLAGS_SKB_MODE,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The mode that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AttachMode {
    /// Driver mode, else skb mode.
    #[default]
    Auto,
    /// This one only.
    Only(Mode),
}

/// Puts the program on the interface.
pub(super) fn attach(
    program: BorrowedFd<'_>,
    interface: &str,
    asked: AttachMode,
    pins: &PinDir,
    attached: &Attached,
) -> Result<Attachment, KernelError> {
    let ifindex = if_nametoindex(interface)
        .map_err(|_| KernelError::NoInterface { interface: interface.to_owned() })?;
    own_counters(interface, ifindex, attached)?;
    let target = Target { program, interface, ifindex, pins };
    let made = match target.take_over(asked)? {
        Some(made) => made,
        None => target.attach_new(asked)?,
    };
    attached.lock().unwrap_or_else(PoisonError::into_inner).insert(ifindex, interface.to_owned());
    Ok(Attachment {
        interface: interface.to_owned(),
        ifindex,
        mode: made.mode,
        origin: made.origin,
        driver_refused: made.driver_refused,
        path: pins.link_path(interface),
        link: made.link,
        attached: Arc::clone(attached),
    })
}

struct Made {
    link: OwnedFd,
    mode: Mode,
    origin: Origin,
    driver_refused: Option<String>,
}

struct Target<'a> {
    program: BorrowedFd<'a>,
    interface: &'a str,
    ifindex: u32,
    pins: &'a PinDir,
}

impl Target<'_> {
    /// By a link of ours that is pinned for the interface; pins whose interface is gone are removed on the way.
    fn take_over(&self, asked: AttachMode) -> Result<Option<Made>, KernelError> {
        let own = self.pins.link_path(self.interface);
        for pin in self.pins.links()?.into_iter().filter(|pin| pin.interface == self.interface) {
            let (fd, state) = link::open(&pin.path).map_err(pin_error("open the link", &pin.path))?;
            if state.ifindex == 0 {
                remove(&pin.path)?;
                continue;
            }
            if state.ifindex != self.ifindex {
                return Err(KernelError::MovedPin {
                    path: pin.path,
                    interface: self.interface.to_owned(),
                    found: state.ifindex,
                    expected: self.ifindex,
                });
            }
            let mode = self.mode_of_link(asked)?;
            match link::update(fd.as_fd(), self.program) {
                // the interface went away since we looked
                Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => remove(&pin.path)?,
                Err(source) => {
                    return Err(KernelError::Attach { interface: self.interface.to_owned(), mode, source });
                }
                Ok(()) => {
                    if pin.path != own {
                        self.pin(fd.as_fd(), &own)?;
                        remove(&pin.path)?;
                    }
                    let origin = Origin::TakenOver { program: state.program };
                    return Ok(Some(Made { link: fd, mode, origin, driver_refused: None }));
                }
            }
        }
        Ok(None)
    }

    /// The mode of a link that is on the interface already, which must be one that was asked for.
    fn mode_of_link(&self, asked: AttachMode) -> Result<Mode, KernelError> {
        let found = holder::mode_on(self.ifindex)
            .map_err(KernelError::call(format!("asking for the mode of {}", self.interface)))?
            .unwrap_or(Mode::Driver);
        match asked {
            AttachMode::Only(asked) if asked != found => {
                Err(KernelError::OtherMode { interface: self.interface.to_owned(), found, asked })
            }
            _ => Ok(found),
        }
    }

    fn attach_new(&self, asked: AttachMode) -> Result<Made, KernelError> {
        match asked {
            AttachMode::Only(mode) => self.create(mode, None),
            AttachMode::Auto => match self.create(Mode::Driver, None) {
                Err(error @ KernelError::Attach { .. }) => self.create(Mode::Skb, Some(error.to_string())),
                made => made,
            },
        }
    }

    fn create(&self, mode: Mode, driver_refused: Option<String>) -> Result<Made, KernelError> {
        let link = link::create(self.program, self.ifindex, mode.flags())
            .map_err(|source| self.explain(source, mode))?;
        // unpinned, the link would go with its descriptor: an error here leaves nothing behind
        self.pin(link.as_fd(), &self.pins.link_path(self.interface))?;
        Ok(Made { link, mode, origin: Origin::Attached, driver_refused })
    }

    fn pin(&self, link: BorrowedFd<'_>, path: &Path) -> Result<(), KernelError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(pin_error("make", parent))?;
        }
        link::pin(link, path).map_err(pin_error("pin the link at", path))
    }

    fn explain(&self, source: io::Error, mode: Mode) -> KernelError {
        let interface = self.interface.to_owned();
        match source.raw_os_error() {
            // EEXIST: a program is there in the other mode
            Some(libc::EBUSY | libc::EEXIST) => {
                let holder: Holder = holder::on(self.ifindex).ok().flatten().unwrap_or_default();
                KernelError::Busy { interface, holder }
            }
            Some(libc::ENODEV) => KernelError::NoInterface { interface },
            Some(libc::EPERM) => KernelError::call(format!("attaching to {interface}"))(source),
            _ => KernelError::Attach { interface, mode, source },
        }
    }
}

/// Counters are kept by interface index modulo the number of banks.
fn own_counters(interface: &str, index: u32, attached: &Attached) -> Result<(), KernelError> {
    let attached = attached.lock().unwrap_or_else(PoisonError::into_inner);
    let sharing =
        attached.keys().find(|other| **other != index && **other % COUNTER_BANKS == index % COUNTER_BANKS);
    sharing.map_or(Ok(()), |other| {
        Err(KernelError::SharedCounters { interface: interface.to_owned(), index, other: *other })
    })
}
