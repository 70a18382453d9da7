//! The toolchain that compiles the eBPF program: what it consists of, and the file that keeps the choice.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{Layout, ObjectError, at};

/// How the compiler and the core library's sources came to this machine.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A dated nightly of rustup with its `rust-src` component.
    Rustup,
    /// Debian's own rustc with the sources of the same version.
    Debian,
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        })
    }
}

/// A compiler, the linker for its bitcode and, where the caller's own will not do, the cargo that drives them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    pub way: Way,
    pub rustc: PathBuf,
    pub linker: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cargo: Option<PathBuf>,
}

impl Toolchain {
    /// What `cargo xtask setup` chose, if it did.
    pub fn chosen(layout: &Layout) -> Result<Option<Self>, ObjectError> {
        let path = layout.choice();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        toml::from_str(&text).map(Some).map_err(|error| ObjectError::Toolchain { path, error })
    }

    /// Keeps the choice. A file that says the same already is left alone, since build scripts watch it.
    pub fn choose(&self, layout: &Layout) -> Result<(), ObjectError> {
        let path = layout.choice();
        let text =
            toml::to_string(self).map_err(|error| ObjectError::Encode { path: path.clone(), error })?;
        if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        fs::create_dir_all(layout.target()).map_err(at(layout.target()))?;
        fs::write(&path, text).map_err(at(&path))
    }

    /// One line for people: `rustc 1.96.0 (ac68faa20 2026-05-25), bpf-linker 0.13.0, from debian`.
    pub fn version(&self) -> Result<String, ObjectError> {
        let rustc = self.first_line(&self.rustc)?;
        let linker = self.first_line(&self.linker)?;
        Ok(format!("{rustc}, {linker}, from {}", self.way))
    }

    /// Changes whenever another compiler or linker is chosen.
    pub(crate) fn identity(&self) -> String {
        format!("{} {} {}", self.way, self.rustc.display(), self.linker.display())
    }

    fn first_line(&self, tool: &Path) -> Result<String, ObjectError> {
        let fault = |reason: String| ObjectError::Tool { tool: tool.to_owned(), way: self.way, reason };
        let output = Command::new(tool).arg("--version").env_remove("LD_LIBRARY_PATH").output();
        let output = output.map_err(|error| fault(error.to_string()))?;
        if !output.status.success() {
            return Err(fault(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text
            .lines()
            .next()
            .unwrap_or_default()
            .split(" (built from")
            .next()
            .unwrap_or_default()
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_back_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(Toolchain::chosen(&layout).unwrap(), None);
        let toolchain = Toolchain {
            way: Way::Debian,
            rustc: "/usr/bin/rustc".into(),
            linker: "/opt/bpf-linker".into(),
            cargo: None,
        };
        toolchain.choose(&layout).unwrap();
        assert_eq!(Toolchain::chosen(&layout).unwrap(), Some(toolchain));
    }

    #[test]
    fn a_damaged_choice_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        fs::create_dir_all(layout.target()).unwrap();
        fs::write(layout.choice(), "way = \"guix\"").unwrap();
        let message = Toolchain::chosen(&layout).unwrap_err().to_string();
        assert!(message.contains("cargo xtask setup"), "{message}");
    }
}
