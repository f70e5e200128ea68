//! `fence check`: verifies from the client which commands sudo or the forced command allows, and that similar ones are refused.

use serde::Serialize;

use super::client::{Connection, Fence, answer_envelope};
use super::host::gate::remote_line;
use super::protocol::{ErrorKind, HELPER, Word};
use super::sudoers;
use crate::fault::{Fault, Result};

/// How the helper is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// A login shell, with sudo for the commands that need root.
    Sudo,
    /// An SSH key whose forced command is `felhom-fence gate`.
    Gate,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Gate => "gate",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, Serialize)]
pub struct CheckResult {
    #[serde(rename = "door")]
    pub access: Access,
    /// A short description of the command line.
    pub tried: String,
    /// `allowed` or `refused`.
    pub expected: &'static str,
    pub seen: String,
    pub ok: bool,
}

/// A request with protocol version 0, which no helper carries out. The helper checks for root before it reads the version, so a
/// version error proves that sudo allowed the command.
const NO_OP: &[u8] = br#"{"protocol":0,"request":{}}"#;

/// Tries each command, and command lines that resemble one.
pub fn check(fence: &Fence) -> Result<Vec<CheckResult>> {
    match fence.connection() {
        Connection::Ssh { .. } | Connection::Sudo => {}
        _ => {
            return Err(Fault::usage("cannot check the root helper as root: root may run anything")
                .with_hint("run `felhom fence check` as the helper's user, or use a context that reaches the helper over SSH"));
        }
    }
    match detect(fence)? {
        Access::Sudo => check_sudo(fence),
        Access::Gate => check_gate(fence),
    }
}

/// The output of one command line.
struct Output {
    code: i32,
    stdout: String,
}

/// Sends all command lines over one connection, the output of each between markers.
fn check_sudo(fence: &Fence) -> Result<Vec<CheckResult>> {
    let similar = similar_lines();
    let words = Word::ALL.map(remote_line);
    let lines: Vec<&str> = words.iter().map(String::as_str).chain([LISTING]).chain(similar.iter().map(|(_, line)| line.as_str())).collect();
    let no_op = String::from_utf8_lossy(NO_OP);
    let script: String = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            format!("printf '\\n<{number}>\\n'; printf '%s' '{no_op}' | ( {line} ) 2>&1; printf '\\n</{number} %s>\\n' $?\n")
        })
        .collect();
    let done = fence.line("/bin/sh", script.as_bytes())?;
    let text = done.stdout_text();
    let output = |number: usize| -> Result<Output> {
        let after = text.split_once(&format!("\n<{number}>\n")).map(|(_, rest)| rest);
        let found = after.and_then(|rest| rest.split_once(&format!("\n</{number} ")));
        let (stdout, rest) = found.ok_or_else(|| fence.no_answer(&done))?;
        let code = rest.split('>').next().and_then(|c| c.parse().ok()).unwrap_or(-1);
        Ok(Output { code, stdout: stdout.to_owned() })
    };
    let mut checks = Vec::new();
    for (number, word) in Word::ALL.into_iter().enumerate() {
        checks.push(allowed(Access::Sudo, word, &output(number)?));
    }
    checks.push(listing(&output(Word::ALL.len())?));
    for (number, (tried, _)) in similar.iter().enumerate() {
        checks.push(refused_by_sudo(tried, &output(Word::ALL.len() + 1 + number)?));
    }
    Ok(checks)
}

/// The forced command accepts one command per connection, so four connections run in parallel.
fn check_gate(fence: &Fence) -> Result<Vec<CheckResult>> {
    let similar = similar_gate_lines();
    let words = Word::ALL.map(|word| (Some(word), String::new(), remote_line(word)));
    let lines: Vec<(Option<Word>, String, String)> =
        words.into_iter().chain(similar.into_iter().map(|(tried, line)| (None, tried.to_owned(), line))).collect();
    let check_one = |(word, tried, line): &(Option<Word>, String, String)| -> Result<CheckResult> {
        let done = fence.line(line, NO_OP)?;
        let output = Output { code: done.code.unwrap_or(-1), stdout: done.stdout_text() };
        Ok(match word {
            Some(word) => allowed(Access::Gate, *word, &output),
            None => refused_by_gate(tried, &output),
        })
    };
    std::thread::scope(|scope| {
        let size = lines.len().div_ceil(4);
        let threads: Vec<_> =
            lines.chunks(size).map(|chunk| scope.spawn(|| chunk.iter().map(check_one).collect::<Result<Vec<_>>>())).collect();
        let mut checks = Vec::new();
        for thread in threads {
            checks.extend(thread.join().unwrap_or_else(|_| Err(Fault::other("a check thread panicked")))?);
        }
        Ok(checks)
    })
}

fn detect(fence: &Fence) -> Result<Access> {
    let done = fence.line("echo felhom-shell", b"")?;
    if done.stdout_text().lines().any(|l| l.trim() == "felhom-shell") {
        return Ok(Access::Sudo);
    }
    match answer_envelope(&done.stdout).and_then(|e| e.error) {
        Some(error) if error.kind == ErrorKind::Gate => Ok(Access::Gate),
        _ => Err(fence.no_answer(&done)),
    }
}

fn allowed(access: Access, word: Word, output: &Output) -> CheckResult {
    let error = answer_envelope(output.stdout.as_bytes()).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Protocol);
    let seen = match error {
        Some(_) if ok => "allowed".to_owned(),
        Some(error) => error.message,
        None => format!("refused: {}", last(output)),
    };
    let tried = if word.needs_root() { format!("`{word}` as root") } else { format!("`{word}`") };
    CheckResult { access, tried, expected: "allowed", seen, ok }
}

fn last(output: &Output) -> String {
    match output.stdout.lines().rev().map(str::trim).find(|l| !l.is_empty()) {
        Some(line) => line.to_owned(),
        None => format!("exit code {}", output.code),
    }
}

/// Lists everything that sudo allows.
const LISTING: &str = "LC_ALL=C sudo -n -l";

fn listing(output: &Output) -> CheckResult {
    let extra = sudoers::extra_rules(&output.stdout);
    let known = output.code == 0 && output.stdout.contains("may run the following commands");
    let seen = match (known, extra.as_slice()) {
        (false, _) => format!("no rule list: {}", last(output)),
        (true, []) => "refused".to_owned(),
        (true, more) => format!("allowed: {}", more.join("; ")),
    };
    CheckResult { access: Access::Sudo, tried: "anything else in sudo's own list".into(), expected: "refused", ok: seen == "refused", seen }
}

/// Command lines that resemble the allowed ones. The helper would refuse each of them too; the ones that run `id` print 0 as root.
fn similar_lines() -> Vec<(&'static str, String)> {
    let sudo = |rest: &str| format!("sudo -n {rest}");
    let helper = |rest: &str| format!("sudo -n {HELPER} {rest}");
    vec![
        ("no command", format!("sudo -n {HELPER}")),
        ("an extra argument", helper("version x")),
        ("an empty extra argument", helper("version ''")),
        ("two commands in one argument", helper("'version smart'")),
        ("a command with a suffix", helper("versionx")),
        ("a command in upper case", helper("VERSION")),
        ("an unknown command", helper("shell")),
        ("`gate` as root", helper("gate")),
        ("`disks` as root", helper("disks")),
        ("`sensors` as root", helper("sensors")),
        ("`usb-status` as root", helper("usb-status")),
        ("as another user (-u)", sudo(&format!("-u nobody {HELPER} version"))),
        ("as another group (-g)", sudo(&format!("-g nogroup {HELPER} version"))),
        ("a shell (-s)", sudo("-s id -u")),
        ("a login shell (-i)", sudo("-i id -u")),
        ("another working directory (-D)", sudo(&format!("-D /tmp {HELPER} version"))),
        ("another root directory (-R)", sudo(&format!("-R /tmp {HELPER} version"))),
        (
            "the caller's environment (-E)",
            format!("sudo --version 2>&1 </dev/null | grep -qi sudo-rs && echo '{IGNORED}'; sudo -n -E {HELPER} version"),
        ),
        ("an environment variable", sudo(&format!("FELHOM_X=1 {HELPER} version"))),
        ("a preloaded library", sudo(&format!("LD_PRELOAD=/tmp/x.so {HELPER} version"))),
        ("editing a file (-e)", "EDITOR=/bin/true sudo -n -e /etc/hostname".to_owned()),
        // A link with the helper's own name is no_op: sudo runs the path in its rule.
        ("a link to the helper", elsewhere(&format!("ln -s {HELPER} \"$d/fence\""), "fence")),
        ("another program with the helper's name", elsewhere("ln -s /usr/bin/id \"$d/felhom-fence\"", "felhom-fence")),
        ("a copy of the helper", elsewhere(&format!("cp {HELPER} \"$d/felhom-fence\""), "felhom-fence")),
        ("another program", sudo("/usr/bin/id -u")),
        ("a root shell", sudo("/bin/sh -c 'id -u'")),
        ("writing to the helper", format!("test -w {HELPER} || test -w /usr/libexec/felhom || test -w /usr/libexec")),
        ("writing to the policy", "test -w /etc/felhom/fence.toml || test -w /etc/felhom".to_owned()),
    ]
}

/// Runs a program from a temporary directory of the caller through sudo.
fn elsewhere(make: &str, name: &str) -> String {
    format!("d=$(mktemp -d) && {make} && sudo -n \"$d/{name}\" version; r=$?; rm -rf \"$d\"; exit $r")
}

fn refused_by_sudo(tried: &str, output: &Output) -> CheckResult {
    let allowed = answer_envelope(output.stdout.as_bytes()).is_some() || output.code == 0 || output.stdout.trim() == "0";
    let seen = match allowed {
        // sudo-rs runs the command but discards the environment, which is what this check is about.
        true if output.stdout.contains(IGNORED) => "ignored",
        true => "allowed",
        false => "refused",
    };
    CheckResult { access: Access::Sudo, tried: tried.to_owned(), expected: "refused", ok: seen != "allowed", seen: seen.to_owned() }
}

/// The message of newer sudo-rs versions for `-E`; older ones ignore the option silently, so the check prints it for them.
const IGNORED: &str = "preserving the entire environment is not supported";

fn similar_gate_lines() -> Vec<(&'static str, String)> {
    let line = remote_line(Word::Version);
    vec![
        ("no command", String::new()),
        ("an extra argument", "version x".to_owned()),
        ("an unknown command", "shell".to_owned()),
        ("`gate` itself", "gate".to_owned()),
        ("a second command", "version; id".to_owned()),
        ("a second line", "version\nid".to_owned()),
        ("a command after the usual line", format!("{line}; id")),
        ("another sudo option", line.replace("-n", "-n -u nobody")),
        ("a root command without sudo", format!("{HELPER} smart")),
        ("a shell", "/bin/sh".to_owned()),
        ("a file copy", "scp -t /".to_owned()),
        ("a file server", "internal-sftp".to_owned()),
    ]
}

fn refused_by_gate(tried: &str, output: &Output) -> CheckResult {
    let error = answer_envelope(output.stdout.as_bytes()).and_then(|e| e.error);
    let ok = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Gate);
    let seen = if ok { "refused".to_owned() } else { format!("not refused by the forced command: {}", last(output)) };
    CheckResult { access: Access::Gate, tried: tried.to_owned(), expected: "refused", seen, ok }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_sudo_option_is_not_reported_as_allowed() {
        let answer = r#"{"protocol":1,"host":"h","error":{"kind":"protocol","message":"x"}}"#;
        let seen = |stdout: String| {
            let proof = refused_by_sudo("the caller's environment (-E)", &Output { code: 10, stdout });
            (proof.seen, proof.ok)
        };
        assert_eq!(seen(format!("sudo: {IGNORED}, '-E' is ignored\n{answer}\n")), ("ignored".to_owned(), true));
        assert_eq!(seen(format!("{answer}\n")), ("allowed".to_owned(), false));
        assert_eq!(seen("sudo: a password is required".to_owned()), ("refused".to_owned(), true));
    }
}
