//! The binary on a real terminal: tmux draws the screen, and the test reads it and types.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use tempfile::TempDir;

use super::process::pause;
use super::real::need_tool;

/// A terminal with the binary in it. Dropped, it is closed.
pub struct Terminal {
    tmux: PathBuf,
    folder: TempDir,
}

impl Terminal {
    /// Starts the binary in a terminal of this size; `None` where there is no tmux. The screen ends with `[exit CODE]` when
    /// the command has ended.
    pub fn start(columns: u32, rows: u32, env: &[(String, String)], args: &[&str]) -> Option<Self> {
        let terminal = Self { tmux: need_tool("tmux")?, folder: tempfile::tempdir().unwrap() };
        let mut script = "exec 2>&1\ntrap : INT\n".to_owned();
        for (name, value) in env.iter().filter(|(name, _)| name != "TERM") {
            script.push_str(&format!("export {name}={}\n", quoted(value)));
        }
        let words: Vec<String> = [env!("CARGO_BIN_EXE_felhom")].iter().chain(args).map(|word| quoted(word)).collect();
        script.push_str(&format!("{}\necho \"[exit $?]\"\nsleep 60\n", words.join(" ")));
        let file = terminal.folder.path().join("run.sh");
        std::fs::write(&file, script).unwrap();
        let file = file.to_string_lossy().into_owned();
        let (columns, rows) = (columns.to_string(), rows.to_string());
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, "sh", &file]);
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.tmux);
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
        command.arg("-S").arg(self.folder.path().join("socket")).args(args);
        let output = command.timeout(Duration::from_secs(10)).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What is on the screen, with what has scrolled away above.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-200"]).trim_end().to_owned()
    }

    /// What a program has called the terminal.
    pub fn title(&self) -> String {
        self.tmux(&["display-message", "-p", "#{pane_title}"]).trim_end().to_owned()
    }

    /// Waits until the screen shows this, and gives the screen.
    #[track_caller]
    pub fn until(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the screen never showed '{text}':\n{screen}");
            pause(40);
        }
    }

    /// Types a text, letter by letter.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Presses a key by its tmux name: `Enter`, `C-c`, `Down`, `Escape`.
    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Waits for the command's end: its exit code and the screen.
    #[track_caller]
    pub fn end(&self) -> (i32, String) {
        let screen = self.until("[exit ");
        let code = screen.rsplit("[exit ").next().and_then(|rest| rest.split(']').next()).and_then(|n| n.parse().ok());
        (code.expect("an exit code"), screen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
