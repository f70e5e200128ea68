//! Programs that write down how they were started, before they become the real ones.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::need_tool;

/// Everything that felhom and its scripts start by name. On this path there is nothing else: a program that is not here is not found.
const PLAIN: &[&str] = &["sh", "setsid", "mktemp", "date", "cat", "mv", "rm", "tail", "sleep"];

/// How a program was started.
pub struct Seen {
    pub program: String,
    pub argv: String,
    pub env: Vec<String>,
    /// The command line of the one that started it.
    pub parent: String,
}

pub struct Spy {
    tools: TempDir,
    /// What stands behind the stand-ins, and their notes: not on the path.
    behind: TempDir,
}

impl Spy {
    /// None where this machine lacks what the stand-ins need.
    pub fn new() -> Option<Self> {
        need_tool("curl")?;
        need_tool("jq")?;
        let spy = Self { tools: tempfile::tempdir().unwrap(), behind: tempfile::tempdir().unwrap() };
        fs::create_dir(spy.notes()).unwrap();
        for name in PLAIN {
            let real = real(name)?;
            spy.program(name, &format!("exec '{}' \"$@\"", real.display()));
        }
        // What a login on the node starts: a shell with an environment of its own.
        let remote = format!("for last; do :; done\nexec /usr/bin/env -i PATH='{0}' HOME=/root '{0}/sh' -c \"$last\"", spy.path());
        spy.program("ssh", &remote);
        Some(spy)
    }

    pub fn path(&self) -> String {
        self.tools.path().display().to_string()
    }

    fn notes(&self) -> PathBuf {
        self.behind.path().join("notes")
    }

    /// A file that no program finds by name.
    pub fn behind(&self, name: &str, text: &str) -> PathBuf {
        let file = self.behind.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// A program that writes down how it was started, and then does this.
    pub fn program(&self, name: &str, does: &str) -> PathBuf {
        let note = format!("{}/$$-{name}", self.notes().display());
        let keep = |what: &str, end: &str| format!("/bin/cat /proc/{what} >> \"{note}.{end}\"\n");
        let notes = [keep("$$/cmdline", "argv"), keep("$$/environ", "env"), keep("$PPID/cmdline", "parent")].concat();
        let file = self.tools.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{notes}{does}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// Every start so far.
    pub fn seen(&self) -> Vec<Seen> {
        let entries = fs::read_dir(self.notes()).unwrap().flatten().map(|entry| entry.path());
        let text = |file: &Path| String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
        entries
            .filter(|file| file.extension().is_some_and(|end| end == "argv"))
            .map(|file| Seen {
                program: file.file_stem().unwrap().to_string_lossy().split_once('-').unwrap().1.to_owned(),
                argv: text(&file),
                env: text(&file.with_extension("env")).split('\0').filter(|line| !line.is_empty()).map(str::to_owned).collect(),
                parent: text(&file.with_extension("parent")),
            })
            .collect()
    }

    pub fn programs(&self) -> BTreeSet<String> {
        self.seen().into_iter().map(|seen| seen.program).collect()
    }
}

fn real(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|file| file.exists());
    if found.is_none() {
        need_tool(name)?;
    }
    found
}
