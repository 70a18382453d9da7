//! The interfaces the agent was told to filter: which are attached, and attaching again when one comes back.

use std::path::PathBuf;

use crate::control::report::InterfaceStatus;
use crate::kernel::{AttachMode, Attachment, Datapath, Health, KernelError, Origin, PinDir};

/// One interface.
#[derive(Debug)]
struct Wanted {
    name: String,
    attachment: Option<Attachment>,
    error: Option<String>,
}

/// What became of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkNews {
    Attached { interface: String, mode: &'static str, taken_over: bool, driver_refused: Option<String> },
    Lost { interface: String },
    Unpinned { interface: String, path: PathBuf },
    Failed { interface: String, error: String },
}

/// All of them.
#[derive(Debug)]
pub(super) struct Links {
    pins: PinDir,
    mode: AttachMode,
    wanted: Vec<Wanted>,
}

impl Links {
    pub(super) fn new(pins: PinDir, mode: AttachMode, names: &[String]) -> Links {
        let wanted =
            names.iter().map(|name| Wanted { name: name.clone(), attachment: None, error: None }).collect();
        Links { pins, mode, wanted }
    }

    /// Attaches to every interface; one that cannot be had ends the start, and those attached so far are let go again,
    /// unless an agent before had them: these stay as they were, filtered.
    pub(super) fn attach_all(&mut self, datapath: &mut Datapath) -> Result<Vec<LinkNews>, KernelError> {
        let (pins, mode) = (&self.pins, self.mode);
        let attached: Result<_, _> =
            self.wanted.iter_mut().map(|wanted| wanted.attach(datapath, mode, pins)).collect();
        if attached.is_err() {
            for wanted in &mut self.wanted {
                let new = |attachment: &mut Attachment| attachment.origin() == Origin::Attached;
                if let Some(Err(error)) = wanted.attachment.take_if(new).map(Attachment::detach) {
                    tracing::error!(interface = wanted.name, %error, "the interface stays attached");
                }
            }
        }
        attached
    }

    /// Looks after every link: an interface that was removed is waited for, one that is back is attached again.
    pub(super) fn tend(&mut self, datapath: &mut Datapath) -> Vec<LinkNews> {
        let (pins, mode) = (&self.pins, self.mode);
        self.wanted.iter_mut().flat_map(|wanted| wanted.tend(datapath, mode, pins)).collect()
    }

    /// Detaches from every interface; returns the names, and the first failure.
    pub(super) fn detach_all(&mut self) -> (Vec<String>, Option<KernelError>) {
        let (mut detached, mut failure) = (Vec::new(), None);
        for wanted in &mut self.wanted {
            let Some(attachment) = wanted.attachment.take() else { continue };
            match attachment.detach() {
                Ok(()) => detached.push(wanted.name.clone()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        (detached, failure)
    }

    /// Name and mode of every interface.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = (&str, Option<&'static str>)> {
        self.wanted.iter().map(|wanted| {
            let mode = wanted.attachment.as_ref().map(|attachment| attachment.mode().label());
            (wanted.name.as_str(), mode)
        })
    }

    /// The name of the attached interface with this index.
    pub(super) fn name_of(&self, index: u32) -> Option<&str> {
        let has = |wanted: &&Wanted| wanted.attachment.as_ref().is_some_and(|own| own.ifindex() == index);
        self.wanted.iter().find(has).map(|wanted| wanted.name.as_str())
    }

    /// As `status` shows them.
    pub(super) fn status(&self) -> Vec<InterfaceStatus> {
        self.wanted
            .iter()
            .map(|wanted| InterfaceStatus {
                interface: wanted.name.clone(),
                state: if wanted.attachment.is_some() { "attached" } else { "waiting" }.to_owned(),
                mode: wanted.attachment.as_ref().map(|attachment| attachment.mode().label().to_owned()),
                error: wanted.error.clone(),
            })
            .collect()
    }
}

impl Wanted {
    fn attach(
        &mut self,
        datapath: &mut Datapath,
        mode: AttachMode,
        pins: &PinDir,
    ) -> Result<LinkNews, KernelError> {
        let attachment = datapath.attach(&self.name, mode, pins)?;
        self.error = None;
        let news = LinkNews::Attached {
            interface: self.name.clone(),
            mode: attachment.mode().label(),
            taken_over: matches!(attachment.origin(), Origin::TakenOver { .. }),
            driver_refused: attachment.driver_refused().map(str::to_owned),
        };
        self.attachment = Some(attachment);
        Ok(news)
    }

    fn tend(&mut self, datapath: &mut Datapath, mode: AttachMode, pins: &PinDir) -> Option<LinkNews> {
        let interface = self.name.clone();
        match self.attachment.as_ref().map(|attachment| (attachment.health(), attachment.path().to_owned())) {
            None => match self.attach(datapath, mode, pins) {
                Ok(news) => Some(news),
                Err(error) => self.note(error.to_string()).map(|error| LinkNews::Failed { interface, error }),
            },
            Some((Ok(Health::Attached), _)) => {
                self.error = None;
                None
            }
            Some((Ok(Health::InterfaceGone), _)) => {
                self.attachment = None;
                self.error = Some("the interface is gone; it is attached again when it is back".to_owned());
                Some(LinkNews::Lost { interface })
            }
            Some((Ok(Health::Unpinned), path)) => {
                let error = format!("its pin {} was removed: the filter ends with the agent", path.display());
                self.note(error).map(|_| LinkNews::Unpinned { interface, path })
            }
            Some((Err(error), _)) => {
                self.note(error.to_string()).map(|error| LinkNews::Failed { interface, error })
            }
        }
    }

    /// Keeps an error for `status`; `None` when it is no news.
    fn note(&mut self, error: String) -> Option<String> {
        if self.error.as_ref() == Some(&error) {
            return None;
        }
        // an interface that is gone is not there on every look: its first message says more
        if self.error.is_some() && self.attachment.is_none() && error.contains("does not exist") {
            return None;
        }
        self.error = Some(error.clone());
        Some(error)
    }
}
