//! Simulated programs. Each changes the directory as the real program changes a host, as far as the helper can see.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::exec::{Cmd, Done, Failure};
use crate::fence::fstab;
use crate::fence::host::{Space, Tool, Tools};
use crate::fence::mountinfo::{self, Mount};
use crate::fence::unit;

/// A program that fails: the program, one of its arguments, and the result.
#[derive(Debug, Clone)]
pub struct ToolFailure {
    pub tool: Tool,
    pub when: String,
    pub code: i32,
    pub stderr: String,
}

/// Handles `pct create`: takes its arguments and stdin, returns its output or error message.
pub(super) type OnPct<'a> = Box<dyn Fn(&[String], &[u8]) -> Result<String, String> + 'a>;

/// Programs that act on a directory.
pub struct SimulatedTools<'a> {
    root: PathBuf,
    /// All command lines, for tests.
    pub ran: RefCell<Vec<Vec<String>>>,
    pub failures: Vec<ToolFailure>,
    /// For tests: unwinds instead of the program call with this number, as a power failure would end the helper.
    pub power_cut: Option<usize>,
    on_pct: OnPct<'a>,
}

impl<'a> SimulatedTools<'a> {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ran: RefCell::default(),
            failures: Vec::new(),
            power_cut: None,
            on_pct: Box::new(|_, _| Ok(String::new())),
        }
    }

    #[must_use]
    pub fn with_pct(mut self, on_pct: impl Fn(&[String], &[u8]) -> Result<String, String> + 'a) -> Self {
        self.on_pct = Box::new(on_pct);
        self
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    fn json(&self, absolute: &str) -> Value {
        fs::read(self.path(absolute)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn mounts(&self) -> Vec<Mount> {
        mountinfo::parse(&fs::read_to_string(self.path("/proc/self/mountinfo")).unwrap_or_default())
    }

    /// Returns lsblk's tree with the current mount points.
    fn tree(&self) -> Value {
        let mut tree = self.json("/sim/lsblk.json");
        let mounts = self.mounts();
        for block in tree["blockdevices"].as_array_mut().into_iter().flatten() {
            fill(block, &mounts);
        }
        tree
    }

    /// Returns path, device number and filesystem type for a UUID.
    fn device(&self, uuid: &str) -> Option<(String, String, String)> {
        let tree = self.tree();
        let mut queue: Vec<&Value> = tree["blockdevices"].as_array()?.iter().collect();
        let mut minor = 0;
        while let Some(block) = queue.pop() {
            minor += 1;
            if block["uuid"].as_str() == Some(uuid) {
                return Some((block["path"].as_str()?.to_owned(), format!("8:{minor}"), block["fstype"].as_str()?.to_owned()));
            }
            queue.extend(block["children"].as_array().into_iter().flatten());
        }
        None
    }

    fn mount(&self, uuid: &str, mount_point: &str, options: &str) -> Done {
        let Some((path, number, fstype)) = self.device(uuid) else {
            return ended(1, "", &format!("mount: {mount_point}: can't find UUID={uuid}."));
        };
        if mountinfo::at(&self.mounts(), mount_point).is_some() {
            return ended(0, "", "");
        }
        let kept: Vec<&str> = options.split(',').filter(|o| *o != "nofail" && !o.starts_with("x-")).collect();
        let file = self.path("/proc/self/mountinfo");
        let mut text = fs::read_to_string(&file).unwrap_or_default();
        text.push_str(&format!("90 28 {number} / {mount_point} {} shared:9 - {fstype} {path} rw\n", kept.join(",")));
        match fs::write(&file, text) {
            Ok(()) => ended(0, "", ""),
            Err(e) => ended(32, "", &e.to_string()),
        }
    }

    fn unmount(&self, mount_point: &str) -> Done {
        let file = self.path("/proc/self/mountinfo");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let kept: String =
            text.split_inclusive('\n').filter(|l| mountinfo::parse(l).first().is_none_or(|m| m.mount_point != mount_point)).collect();
        match fs::write(&file, kept) {
            Ok(()) => ended(0, "", ""),
            Err(e) => ended(32, "", &e.to_string()),
        }
    }

    /// Returns the text of a unit: its file, or its line in fstab.
    fn unit_text(&self, unit: &str) -> Option<String> {
        if let Ok(text) = fs::read_to_string(self.path(&format!("/etc/systemd/system/{unit}"))) {
            return Some(text);
        }
        let name = unit.strip_prefix("mnt-pve-").and_then(|u| u.strip_suffix(".mount"))?;
        let table = fs::read_to_string(self.path("/etc/fstab")).ok()?;
        let ours = |line: &&str| fstab::parse(line).is_ok_and(|found| found.iter().any(|e| e.ours.as_deref() == Some(name)));
        table.lines().find(ours).map(ToOwned::to_owned)
    }

    /// Returns the text that systemd loaded at the last reload.
    fn loaded(&self, unit: &str) -> Option<String> {
        fs::read_to_string(self.path(&format!("/sim/loaded/{unit}"))).ok()
    }

    /// Returns the file that represents a directory's immutable attribute.
    fn immutable_mark(&self, dir: &str) -> PathBuf {
        self.path("/sim/immutable").join(dir.replace('/', "-"))
    }

    fn load_units(&self) {
        let dir = self.path("/sim/loaded");
        let _ = fs::remove_dir_all(&dir);
        let _ = fs::create_dir_all(&dir);
        let files = fs::read_dir(self.path("/etc/systemd/system")).into_iter().flatten().flatten();
        let files = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let table = fs::read_to_string(self.path("/etc/fstab")).unwrap_or_default();
        let lines = fstab::parse(&table).unwrap_or_default();
        let lines = lines.iter().filter_map(|entry| entry.ours.as_deref().map(unit::unit_name));
        for unit in files.chain(lines).filter(|unit| unit.ends_with(".mount")) {
            let _ = fs::write(dir.join(&unit), self.unit_text(&unit).unwrap_or_default());
        }
    }

    fn systemctl(&self, words: &[&str]) -> Done {
        let wants = "/etc/systemd/system/multi-user.target.wants";
        match words {
            ["daemon-reload"] => {
                self.load_units();
                ended(0, "", "")
            }
            ["show", "--property=LoadState,NeedDaemonReload", unit] => {
                let state = |loaded: bool, reload: &str| {
                    ended(0, &format!("LoadState={}\nNeedDaemonReload={reload}\n", if loaded { "loaded" } else { "not-found" }), "")
                };
                let (loaded, now) = (self.loaded(unit), self.unit_text(unit));
                match (loaded, now) {
                    (Some(loaded), Some(now)) => state(true, if loaded == now { "no" } else { "yes" }),
                    (None, now) => state(now.is_some_and(|text| text.starts_with('#')), "no"),
                    (Some(_), None) => state(true, "yes"),
                }
            }
            ["start", unit] if unit.starts_with("systemd-fsck@") => ended(0, "", ""),
            ["enable", unit] => {
                let _ = fs::create_dir_all(self.path(wants));
                let _ = std::os::unix::fs::symlink(format!("/etc/systemd/system/{unit}"), self.path(&format!("{wants}/{unit}")));
                ended(0, "", "")
            }
            ["disable", unit] => {
                let _ = fs::remove_file(self.path(&format!("{wants}/{unit}")));
                ended(0, "", "")
            }
            ["start" | "stop", unit] => {
                let name = unit.strip_prefix("mnt-pve-").and_then(|u| u.strip_suffix(".mount")).unwrap_or_default();
                if words[0] == "stop" {
                    return self.unmount(&unit::mount_point(name));
                }
                // A unit file is loaded when it is first needed, an fstab line only at a reload.
                let text = self.loaded(unit).or_else(|| self.unit_text(unit).filter(|text| text.starts_with('#'))).unwrap_or_default();
                let parsed = unit::parse(&text);
                if let Some(uuid) = parsed.uuid {
                    return self.mount(&uuid, &unit::mount_point(name), &parsed.options.join(","));
                }
                match fstab::parse(&text).unwrap_or_default().first().and_then(|e| Some((e.uuid()?, e))) {
                    Some((uuid, entry)) => self.mount(uuid, &unit::mount_point(name), &entry.options.join(",")),
                    None => ended(5, "", &format!("Failed to start {unit}: Unit {unit} not found.")),
                }
            }
            _ => ended(1, "", "unknown systemctl command"),
        }
    }

    fn findmnt(&self, words: &[&str]) -> Done {
        if words.first() == Some(&"--verify") {
            return ended(0, "Success, no errors or warnings detected\n", "");
        }
        let mount_point = words.iter().position(|w| *w == "--mountpoint").and_then(|at| words.get(at + 1)).copied().unwrap_or_default();
        let tree = self.tree();
        let rows: Vec<Value> = self
            .mounts()
            .iter()
            .filter(|m| m.mount_point == mount_point)
            .map(|m| json!({"target":m.mount_point,"source":m.source,"uuid":uuid_of(&tree["blockdevices"], &m.source),"fstype":m.fstype,"options":m.options.join(",")}))
            .collect();
        if rows.is_empty() { ended(1, "", "") } else { ended(0, &json!({ "filesystems": rows }).to_string(), "") }
    }

    fn smartctl(&self, words: &[&str]) -> Done {
        if words.contains(&"--scan-open") {
            return ended(0, &self.json("/sim/scan.json").to_string(), "");
        }
        let device = words.last().and_then(|d| d.strip_prefix("/dev/")).unwrap_or_default();
        let kind = words.iter().position(|w| *w == "-d").and_then(|at| words.get(at + 1)).copied();
        let named = kind.map(|k| self.json(&format!("/sim/smart/{device}-{k}.json"))).filter(|v| !v.is_null());
        let answer = named.unwrap_or_else(|| self.json(&format!("/sim/smart/{device}.json")));
        if answer.is_null() {
            let text = json!({"smartctl":{"exit_status":2,"messages":[{"string":format!("Smartctl open device: /dev/{device} failed: No such device"),"severity":"error"}]}});
            return ended(2, &text.to_string(), "");
        }
        let code = answer["smartctl"]["exit_status"].as_i64().and_then(|c| i32::try_from(c).ok()).unwrap_or_default();
        ended(code, &answer.to_string(), "")
    }
}

fn fill(block: &mut Value, mounts: &[Mount]) {
    let path = block["path"].as_str().unwrap_or_default().to_owned();
    let places: Vec<&str> = mounts.iter().filter(|m| m.source == path).map(|m| m.mount_point.as_str()).collect();
    block["mountpoints"] = json!(places);
    for child in block["children"].as_array_mut().into_iter().flatten() {
        fill(child, mounts);
    }
}

fn uuid_of(blocks: &Value, path: &str) -> Value {
    for block in blocks.as_array().into_iter().flatten() {
        if block["path"].as_str() == Some(path) {
            return block["uuid"].clone();
        }
        let below = uuid_of(&block["children"], path);
        if !below.is_null() {
            return below;
        }
    }
    Value::Null
}

fn ended(code: i32, stdout: &str, stderr: &str) -> Done {
    Done { code: Some(code), signal: None, stdout: stdout.into(), stderr: stderr.into(), cut: false }
}

impl Tools for SimulatedTools<'_> {
    fn run(&self, tool: Tool, cmd: &Cmd) -> Result<Done, Failure> {
        let words = cmd.words();
        if self.power_cut == Some(self.ran.borrow().len()) {
            std::panic::resume_unwind(Box::new("the power is cut"));
        }
        self.ran.borrow_mut().push(words.clone());
        let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        if let Some(stop) = self.failures.iter().find(|s| s.tool == tool && (s.when.is_empty() || args.contains(&s.when.as_str()))) {
            return Ok(ended(stop.code, "", &stop.stderr));
        }
        Ok(match tool {
            Tool::Lsblk => ended(0, &self.tree().to_string(), ""),
            Tool::Findmnt => self.findmnt(&args),
            Tool::Systemctl => self.systemctl(&args),
            Tool::Journalctl => ended(0, "", ""),
            Tool::Chattr => {
                let mark = self.immutable_mark(args.last().copied().unwrap_or_default());
                let _ = if args.first() == Some(&"+i") {
                    fs::create_dir_all(self.path("/sim/immutable")).and_then(|()| fs::write(mark, ""))
                } else {
                    fs::remove_file(mark)
                };
                ended(0, "", "")
            }
            Tool::Mount => match args.as_slice() {
                ["-t", _, "-o", options, source, mount_point] => self.mount(source.trim_start_matches("UUID="), mount_point, options),
                _ => ended(1, "", "mount: bad usage"),
            },
            Tool::Umount => self.unmount(args.last().copied().unwrap_or_default()),
            Tool::Smartctl => self.smartctl(&args),
            Tool::Sensors => match self.json("/sim/sensors.json") {
                Value::Null => ended(1, "{\n}\n", "No sensors found!"),
                sensors => ended(0, &sensors.to_string(), ""),
            },
            Tool::Pct => match (self.on_pct)(&words[1..], cmd.input()) {
                Ok(text) => {
                    let vmid = args.get(1).copied().unwrap_or_default();
                    let dir = self.path("/etc/pve/nodes/pve1/lxc");
                    let _ = fs::create_dir_all(&dir).and_then(|()| fs::write(dir.join(format!("{vmid}.conf")), "unprivileged: 1\n"));
                    ended(0, &text, "")
                }
                Err(text) => ended(255, "", &text),
            },
        })
    }

    fn claim(&self, device: &str) -> io::Result<()> {
        if self.mounts().iter().any(|m| m.source == device) {
            return Err(io::Error::other("Device or resource busy"));
        }
        Ok(())
    }

    fn log(&self, line: &str) -> io::Result<()> {
        use std::io::Write;
        let path: &Path = &self.path("/var/log/felhom-fence.log");
        fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{line}\n").as_bytes())
    }

    fn immutable(&self, dir: &str) -> Option<bool> {
        Some(self.immutable_mark(dir).exists())
    }

    /// A tenth of the disk is always in use.
    fn space(&self, mount_point: &str) -> Option<Space> {
        let mounts = self.mounts();
        let mount = mountinfo::at(&mounts, mount_point)?;
        let tree = self.tree();
        let mut queue: Vec<&Value> = tree["blockdevices"].as_array()?.iter().collect();
        while let Some(block) = queue.pop() {
            if block["path"].as_str() == Some(&mount.source) {
                let size = block["size"].as_u64()?;
                return Some(Space { size, used: size / 10, available: size - size / 10 });
            }
            queue.extend(block["children"].as_array().into_iter().flatten());
        }
        None
    }
}
