//! Running other programs: what is printed, what is kept in a log, and what a failure says.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Runs a program that speaks for itself on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{} does not start", line(command)))?;
    judge(command, status)
}

/// Runs a program and returns what it prints; its complaints become the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{} does not start", line(command)))?;
    if !output.status.success() {
        bail!(
            "{} ended with {}: {}",
            line(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a long-winded program into a log file. When it fails, the end of the log is the error.
pub(crate) fn logged(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let folder = log.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let file = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
    // A backtrace at the end of the log would hide the reason.
    command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file).env("RUST_BACKTRACE", "0");
    let mut child = command.spawn().with_context(|| format!("{} does not start", line(command)))?;
    let status = within(&mut child, limit).with_context(|| format!("{} took too long", line(command)))?;
    judge(command, status).with_context(|| format!("{}\nthe whole log is {}", tail(log), log.display()))
}

/// Waits for a program, and ends it when the time is over.
fn within(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("it was ended after {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn judge(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| shown(&word.to_string_lossy())).collect();
    words.join(" ")
}

/// The name of a program without its folder; a script as an argument by its first line.
fn shown(word: &str) -> String {
    let first = word.lines().next().unwrap_or_default();
    match Path::new(first).file_name() {
        Some(name) if first.starts_with('/') && first.contains("/bin/") => {
            name.to_string_lossy().into_owned()
        }
        _ => first.to_owned(),
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let error = format!("{:#}", logged(&mut command, &log, Duration::from_secs(5)).unwrap_err());
        assert!(error.contains("one\ntwo") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let start = Instant::now();
        let error = logged(&mut command, &folder.path().join("log"), Duration::from_millis(100)).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(error.to_string().contains("took too long"), "{error:#}");
    }
}
