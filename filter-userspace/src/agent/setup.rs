//! Where the configuration comes from, and what of it can change while the agent runs.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, Overrides};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("configuration {0}: {1}; expected a readable TOML file; pass --config FILE")]
    Read(PathBuf, #[source] io::Error),
}

/// A configuration file, if there is one, and what the command line says over it.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    pub path: Option<PathBuf>,
    pub over: Overrides,
}

impl Setup {
    /// Reads the file again. Relative paths in it are relative to it.
    ///
    /// # Errors
    /// When it cannot be read, or says something that cannot be meant.
    pub fn read(&self) -> Result<Config, SetupError> {
        let config = match &self.path {
            None => Config::default(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| SetupError::Read(path.clone(), error))?;
                anchored(Config::parse(&text, &path.display().to_string())?, path)
            }
        };
        Ok(config.with(self.over.clone())?)
    }
}

fn anchored(mut config: Config, path: &Path) -> Config {
    let base = path.parent().unwrap_or(Path::new(""));
    for place in [&mut config.orders, &mut config.control, &mut config.pin_dir, &mut config.state_dir] {
        // an absolute path stays as it is
        *place = base.join(&*place);
    }
    config.regions = config.regions.map(|regions| base.join(regions));
    config
}

/// Keys whose change takes effect only when the agent is started again.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let keys = [
        ("interfaces", old.interfaces != new.interfaces),
        ("attach", old.attach != new.attach),
        ("ports, fragments, pointer, tcp, ra or events", old.settings() != new.settings()),
        ("service-addresses", old.service_addresses != new.service_addresses),
        ("metrics", old.metrics != new.metrics),
        ("control", old.control != new.control),
        ("pin-dir", old.pin_dir != new.pin_dir),
        ("state-dir", old.state_dir != new.state_dir),
        ("limits", old.limits != new.limits),
        ("orders", old.orders != new.orders),
        ("regions", old.regions != new.regions),
    ];
    keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}

/// The new configuration as far as it can take effect now.
pub(super) fn reloaded(old: &Config, new: Config) -> Config {
    Config {
        mode: new.mode,
        soa: new.soa,
        client_prefixes: new.client_prefixes,
        trusted_forwarders: new.trusted_forwarders,
        protected_names: new.protected_names,
        ..old.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;

    #[test]
    fn paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, "orders = \"orders.d\"\nregions = \"/r.csv\"\n").unwrap();
        let config = Setup { path: Some(path), over: Overrides::default() }.read().unwrap();
        assert_eq!(config.orders, dir.path().join("orders.d"));
        assert_eq!(config.regions, Some("/r.csv".into()));
        assert_eq!(config.control, PathBuf::from("/run/interdict/control.sock"));
    }

    #[test]
    fn a_reload_takes_what_it_can_and_names_the_rest() {
        let old = Config::default();
        let new = Config { mode: Mode::Observe, ports: vec![5353], ..Config::default() };
        assert_eq!(needs_restart(&old, &new), ["ports, fragments, pointer, tcp, ra or events"]);
        let now = reloaded(&old, new);
        assert_eq!((now.mode, now.ports), (Mode::Observe, vec![53]));
    }

    #[test]
    fn a_missing_file_is_named() {
        let setup = Setup { path: Some("/no/such".into()), over: Overrides::default() };
        assert!(setup.read().unwrap_err().to_string().starts_with("configuration /no/such"));
    }
}
