//! The benchmark's program, doing one thing on interfaces.

use std::path::Path;
use std::sync::Arc;

use filter_common::abi::BENCH_SHIFT;
use interdict::kernel::{AttachMode, Attachment, Datapath, LoadOptions, Mode, Object, PinDir};
use tempfile::TempDir;

use crate::harness::netns::Namespace;
use crate::policy::hash_key;
use crate::random::Random;

/// It leaves the interfaces when it is dropped.
pub(super) struct Attached {
    attachments: Vec<Attachment>,
    datapath: Datapath,
    pins: PinDir,
    _folder: TempDir,
}

impl Attached {
    /// Loads the program for one of its ways.
    pub(super) fn load(object: &Path, way: u32) -> anyhow::Result<Attached> {
        let mut options = LoadOptions::new(Arc::new(hash_key(&mut Random::new(7))))?;
        options.object = Object::read(object)?;
        options.settings.flags |= way << BENCH_SHIFT;
        let datapath = Datapath::load(&options)?;
        // a killed run's are removed by this name
        let prefix = format!("interdict-test{}-bench-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in("/sys/fs/bpf")?;
        Ok(Attached {
            attachments: Vec::new(),
            datapath,
            pins: PinDir::claim(folder.path())?,
            _folder: folder,
        })
    }

    /// Puts it on an interface, in the driver.
    pub(super) fn put_on(&mut self, namespace: &Namespace, interface: &str) -> anyhow::Result<()> {
        let (datapath, pins) = (&mut self.datapath, &self.pins);
        let attached =
            namespace.enter(|| datapath.attach(interface, AttachMode::Only(Mode::Driver), pins))??;
        self.attachments.push(attached);
        Ok(())
    }

    /// Takes it off every interface.
    pub(super) fn take_off(&mut self) -> anyhow::Result<()> {
        for attachment in self.attachments.drain(..) {
            attachment.detach()?;
        }
        Ok(())
    }

    /// Whether it is on none.
    pub(super) fn is_off(&self) -> bool {
        self.attachments.is_empty()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.take_off().ok();
    }
}
