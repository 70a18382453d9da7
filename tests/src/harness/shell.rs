//! Other programs: run to their end with a time limit, or kept running and killed when dropped.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// What a program printed and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// Standard output, when the program ended with 0.
    ///
    /// # Errors
    /// When it did not.
    pub fn success(self, what: &str) -> anyhow::Result<String> {
        if self.code == Some(0) {
            return Ok(self.out);
        }
        bail!("{what}: exit {:?}: {}{}", self.code, self.out, self.err)
    }
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started or takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    let what = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| what.clone())?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = std::thread::spawn(move || drain(out));
    let err = std::thread::spawn(move || drain(err));
    let status = wait(&mut child, limit);
    if status.is_none() {
        child.kill().ok();
        child.wait().ok();
    }
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    match status {
        Some(status) => Ok(Output { code: status.code(), out, err }),
        None => bail!("{what} did not end within {limit:?}: {out}{err}"),
    }
}

fn drain(from: Option<impl Read>) -> String {
    let mut octets = Vec::new();
    if let Some(mut from) = from {
        from.read_to_end(&mut octets).ok();
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Waits for a child, but not longer than `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `ip`, split at spaces.
///
/// # Errors
/// When it fails.
pub fn ip(arguments: &str) -> anyhow::Result<String> {
    let mut command = Command::new("ip");
    command.args(arguments.split_whitespace());
    run(&mut command, Duration::from_secs(10))?.success(&format!("ip {arguments}"))
}

/// Tries something until it is true, but not longer than `limit`.
pub fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// A running program. It is killed when dropped, and by the kernel when this process dies.
#[derive(Debug)]
pub struct Running {
    child: Child,
    what: String,
}

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> anyhow::Result<Running> {
        let what = format!("{command:?}");
        let child = command.stdin(Stdio::null()).spawn().with_context(|| what.clone())?;
        Ok(Running { child, what })
    }

    /// Its process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: nix::sys::signal::Signal) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).with_context(|| self.what.clone())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `limit`.
    pub fn end(&mut self, limit: Duration) -> anyhow::Result<Option<i32>> {
        let status = wait(&mut self.child, limit);
        status
            .map(|status| status.code())
            .with_context(|| format!("{} did not end within {limit:?}", self.what))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
