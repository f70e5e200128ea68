//! Shell scripts for the host.

use crate::api::Request;
use crate::routes;
use crate::transport::ssh::quote;

/// Marks the end of a script on stderr. If it is missing, ssh or the shell failed.
const END: &str = "felhom-end";

/// Returns `pvesh get /nodes/pve1/status --output-format json` with quoted arguments.
fn pvesh(request: &Request) -> String {
    let mut words = vec!["pvesh".to_owned(), request.method.pvesh().into(), request.path_text()];
    for (key, value) in &request.params {
        for text in value.wire() {
            words.push(format!("--{key}"));
            words.push(text);
        }
    }
    words.extend(["--output-format".to_owned(), "json".into()]);
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Runs the command, and reports its exit code and time.
pub(super) fn read(request: &Request) -> String {
    format!("{} </dev/null\nprintf '\\n{END} %s %s\\n' \"$?\" \"$(date +%s)\" >&2\n", pvesh(request))
}

/// Starts the command in its own session, so that signals and a lost connection do not reach it. Returns when it is done or has a
/// worker; the task then continues. `mktemp -d` alone protects the output: `pvesh` keeps the umask of the login, because its workers create
/// files that other users have to read.
pub(super) fn write(request: &Request) -> String {
    let body = format!(
        "{} >\"$D/out\" 2>\"$D/err\" </dev/null; echo $? >\"$D/rc.new\"; mv \"$D/rc.new\" \"$D/rc\"; sleep 60; rm -rf \"$D\"",
        pvesh(request)
    );
    // Changes without a task have no worker: children of a slow `pvesh` are ignored there. The routing table knows most of them, and all
    // calls of access control are of this kind.
    let at_once = routes::find(request).is_some_and(|(row, _)| row.task.is_none());
    let access = request.path.first().is_some_and(|area| area == "access") && request.path.get(1).is_some_and(|part| part != "domains");
    let begins_none = at_once || access;
    let patience = if begins_none { 400 } else { 8 };
    format!(
        r#"D=$(mktemp -d) || exit 97
export D
echo "felhom-at $(date +%s)"
setsid sh -c {body} >/dev/null 2>&1 </dev/null &
P=$!
kids() {{ cat "/proc/$1/task/$1/children" 2>/dev/null; }}
W=
seen=0
n=0
while [ ! -e "$D/rc" ] && [ "$n" -lt 400 ]; do
  W=
  for c in $(kids "$P"); do W="$W $(kids "$c")"; done
  case "$W" in *[0-9]*) seen=$((seen + 1)) ;; esac
  [ "$seen" -ge {patience} ] && break
  sleep 0.1
  n=$((n + 1))
done
if [ -e "$D/rc" ]; then
  echo "felhom-done $(cat "$D/rc")"
  tail -c 1048576 "$D/out"
  tail -c 65536 "$D/err" >&2
  kill -- "-$P" 2>/dev/null
  rm -rf "$D"
else
  echo "felhom-running $W"
fi
printf '\n{END} 0 %s\n' "$(date +%s)" >&2
"#,
        body = quote(&body)
    )
}

/// The end of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub code: i32,
    /// The host's time, in Unix seconds.
    pub at: u64,
    /// The output on stderr before it.
    pub stderr: String,
}

/// Parses the end of a script; `None` if it is incomplete.
pub(super) fn end(stderr: &str) -> Option<End> {
    let (before, last) = stderr.trim_end().rsplit_once('\n').unwrap_or(("", stderr.trim_end()));
    let (code, at) = last.strip_prefix(END)?.trim().split_once(' ')?;
    Some(End { code: code.parse().ok()?, at: at.parse().ok()?, stderr: before.trim_end().to_owned() })
}

/// The report of a started change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ran {
    /// The host's time at the start, in Unix seconds.
    pub at: u64,
    /// Exit code of `pvesh`; `None` while it runs.
    pub code: Option<i32>,
    /// The child processes of `pvesh`, including the task's worker.
    pub workers: Vec<u32>,
    pub stdout: String,
}

impl Ran {
    pub(super) fn parse(text: &str) -> Self {
        let mut ran = Self::default();
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            if let Some(at) = line.strip_prefix("felhom-at ") {
                ran.at = at.trim().parse().unwrap_or_default();
            } else if let Some(workers) = line.strip_prefix("felhom-running") {
                ran.workers = workers.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            } else if let Some(code) = line.strip_prefix("felhom-done ") {
                ran.code = code.trim().parse().ok();
                after.clone_into(&mut ran.stdout);
                return ran;
            }
            rest = after;
        }
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Call;
    use crate::path;

    #[test]
    fn every_word_is_quoted_once() {
        let call: Call<()> =
            Call::put(path!["nodes", "pve1", "lxc", 101, "config"]).with("description", "it's a \"test\"; $HOME `id`\nline two");
        assert_eq!(
            pvesh(&call.request),
            "pvesh set /nodes/pve1/lxc/101/config --description 'it'\\''s a \"test\"; $HOME `id`\nline two' --output-format json"
        );
    }

    #[test]
    fn the_end_is_told_from_what_ssh_says() {
        let ended = |code, stderr: &str| Some(End { code, at: 1_795_176_102, stderr: stderr.into() });
        assert_eq!(end("CT 101 already running\n\nfelhom-end 255 1795176102\n"), ended(255, "CT 101 already running"));
        assert_eq!(end("felhom-end 0 1795176102"), ended(0, ""));
        assert_eq!(end("Connection to 192.0.2.10 closed by remote host."), None);
    }

    #[test]
    fn pvesh_runs_with_the_umask_of_the_login_and_its_output_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let tool = dir.path().join("pvesh");
        std::fs::write(&tool, "#!/bin/sh\necho \"$(umask) $(stat -c %a \"$D\")\"\n").expect("written");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let call: Call<()> = Call::put(path!["nodes", "pve1", "lxc", 101, "config"]).with("memory", 512_u64);
        let quiet = crate::interrupt::Interrupt::never().expect("a socket pair");
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let shell = crate::exec::Cmd::new("sh").args(["-c", "umask 027; exec sh -s"]).env("PATH", path);
        let done = shell.stdin(write(&call.request)).run(&quiet).expect("sh runs");
        let ran = Ran::parse(&done.stdout_text());
        assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "0027 700"), "{done:?}");
    }

    #[test]
    fn a_start_tells_its_time_and_either_end_or_workers() {
        let done = Ran::parse("felhom-at 1795176102\nfelhom-done 0\nINFO: x\n\"UPID:…\"\n");
        assert_eq!((done.at, done.code, done.stdout.as_str()), (1_795_176_102, Some(0), "INFO: x\n\"UPID:…\"\n"));
        let running = Ran::parse("felhom-at 5\nfelhom-running  417 418\n");
        assert_eq!((running.code, running.workers), (None, vec![417, 418]));
    }
}
