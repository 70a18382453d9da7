//! Where everything about the object lies in the repository.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::PREBUILT;

/// The repository's folders that matter to the object.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// `root` is the folder of the workspace's Cargo.toml.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Everything generated, whatever CARGO_TARGET_DIR says: the toolchain's choice must have one place.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The file in which `cargo xtask setup` keeps its choice.
    pub fn choice(&self) -> PathBuf {
        self.target().join("ebpf-toolchain.toml")
    }

    /// `cargo install --root` of the tools that no package carries.
    pub fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// The object, what is known of it, and cargo's target directory for it.
    pub fn folder(&self) -> PathBuf {
        self.target().join("ebpf")
    }

    pub fn object(&self) -> PathBuf {
        self.folder().join("interdict.bpf.o")
    }

    /// The benchmark's object, which cargo builds beside the product's.
    pub fn bench(&self) -> PathBuf {
        self.folder().join("bpfel-unknown-none/release/bench")
    }

    pub fn record(&self) -> PathBuf {
        self.folder().join("interdict.bpf.toml")
    }

    pub fn manifest(&self) -> PathBuf {
        self.root.join("filter-ebpf/Cargo.toml")
    }

    /// The files and folders that the object is made of; a change in any of them makes it stale.
    pub fn sources(&self) -> Vec<PathBuf> {
        [
            "filter-ebpf/Cargo.toml",
            "filter-ebpf/Cargo.lock",
            "filter-ebpf/src",
            "filter-common/Cargo.toml",
            "filter-common/src",
        ]
        .iter()
        .map(|path| self.root.join(path))
        .filter(|path| path.exists())
        .collect()
    }

    /// The object that [`PREBUILT`] names, if it does; relative to the repository.
    pub fn prebuilt(&self) -> Option<PathBuf> {
        env::var_os(PREBUILT).filter(|path| !path.is_empty()).map(|path| self.root.join(path))
    }

    /// What a build script must watch: the finished object or else the sources, and the choice once there is one.
    pub fn watched(&self) -> Vec<PathBuf> {
        if let Some(object) = self.prebuilt() {
            return vec![object];
        }
        let mut watched = self.sources();
        watched.extend(Some(self.choice()).filter(|path| path.exists()));
        watched
    }
}
