//! `interdict run`: from arguments to the agent's options.

use std::path::PathBuf;

use super::Outcome;
use super::exit::{Exit, Failure};
use super::inputs;
use crate::agent::{self, Options};
use crate::args::{Attach as AttachArg, Metrics, Mode as ModeArg, RunArgs};
use crate::config::{Attach, Overrides};
use crate::policy::Mode;

pub(super) async fn run(args: RunArgs, socket: Option<PathBuf>) -> Outcome {
    let options = options(args, socket);
    agent::run(options).await.map_err(|error| Failure::new(error.exit(), error))?;
    Ok(Exit::Ok)
}

fn options(args: RunArgs, socket: Option<PathBuf>) -> Options {
    let over = Overrides {
        interfaces: args.interfaces,
        orders: args.orders,
        regions: args.regions,
        mode: args.mode.map(|mode| match mode {
            ModeArg::Enforce => Mode::Enforce,
            ModeArg::Observe => Mode::Observe,
        }),
        attach: args.attach.map(|attach| match attach {
            AttachArg::Auto => Attach::Auto,
            AttachArg::Driver => Attach::Driver,
            AttachArg::Skb => Attach::Skb,
        }),
        metrics: args.metrics.map(|metrics| match metrics {
            Metrics::Off => None,
            Metrics::At(address) => Some(address),
        }),
        control: socket,
        pin_dir: args.pin_dir,
        state_dir: args.state_dir,
    };
    Options { setup: inputs::setup(args.config.as_deref(), over), keep: args.keep }
}
