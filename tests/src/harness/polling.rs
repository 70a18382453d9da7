//! A veth delivers what its peer's XDP program sends only while it runs an XDP program of its own. So the client's end
//! gets one that passes everything: the filter before its first policy.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use interdict::kernel::{AttachMode, Attachment, Datapath, Limits, LoadOptions, Mode, PinDir};

use super::netns::Namespace;
use crate::policy::hash_key;
use crate::random::Random;

/// The program, loaded once a process: it never gets a policy.
static PROGRAM: Mutex<Option<Datapath>> = Mutex::new(None);
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The program on one interface; it is taken off when this is dropped.
#[derive(Debug)]
pub struct Polling {
    attachment: Option<Attachment>,
    pins: PathBuf,
}

impl Polling {
    /// Puts the program on an interface.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn start(client: &Namespace, interface: &str) -> anyhow::Result<Polling> {
        let pins = super::agent::pin_folder(&format!("pass{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut polling = Polling { attachment: None, pins };
        let mut program = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner);
        if program.is_none() {
            *program = Some(load()?);
        }
        let datapath = program.as_mut().context("the program was just loaded")?;
        let pins = PinDir::claim(&polling.pins)?;
        let attachment =
            client.enter(|| datapath.attach(interface, AttachMode::Only(Mode::Driver), &pins))?;
        polling.attachment = Some(attachment.with_context(|| format!("a passing program on {interface}"))?);
        Ok(polling)
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        if let Some(attachment) = self.attachment.take() {
            attachment.detach().ok();
        }
        super::agent::remove_pins(&self.pins);
    }
}

fn load() -> anyhow::Result<Datapath> {
    let mut options = LoadOptions::new(Arc::new(hash_key(&mut Random::new(0))))?;
    options.limits = Limits { names: 1, changes: 1, decisions: 1, actions: 4, hits: 1, prefixes: 1 };
    Ok(Datapath::load(&options)?)
}
