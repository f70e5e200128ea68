//! Property strings such as `virtio=BC:24:…,bridge=vmbr0`: parsing, and editing single parts without changing the others.

use std::fmt;

use crate::api::GuestKind;

/// Models of a VM's network device. `virtio=MAC` contains model and MAC address.
const MODELS: &[&str] = &[
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
];

/// The format of a property string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `key=value` parts only.
    Plain,
    /// One part may omit this key.
    Default(&'static str),
    /// A VM's network device: `MODEL=MAC` means `model=MODEL,macaddr=MAC`.
    Nic,
}

impl Form {
    /// Returns the format of a configuration key, or `None` if its value is not a property string.
    pub fn of(kind: GuestKind, key: &str) -> Option<Self> {
        let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = letters.len() < key.len();
        Some(match (kind, letters, numbered) {
            (GuestKind::Lxc, "rootfs", false) | (GuestKind::Lxc, "mp" | "unused", true) => Self::Default("volume"),
            (GuestKind::Lxc, "net", true) | (GuestKind::Lxc, "features", false) => Self::Plain,
            (GuestKind::Lxc, "dev", true) => Self::Default("path"),
            (GuestKind::Qemu, "net", true) => Self::Nic,
            (GuestKind::Qemu, "scsi" | "virtio" | "sata" | "ide" | "unused" | "efidisk" | "tpmstate", true) => Self::Default("file"),
            (GuestKind::Qemu, "hostpci" | "usb", true) => Self::Default("host"),
            (GuestKind::Qemu, "agent", false) => Self::Default("enabled"),
            (GuestKind::Qemu, "cpu", false) => Self::Default("cputype"),
            (GuestKind::Qemu, "vga" | "machine", false) => Self::Default("type"),
            (GuestKind::Qemu, "memory", false) => Self::Default("current"),
            (GuestKind::Qemu, "watchdog", false) => Self::Default("model"),
            (GuestKind::Qemu, "boot", false) => Self::Default("legacy"),
            (GuestKind::Qemu, "ipconfig" | "numa" | "audio" | "virtiofs", true)
            | (
                GuestKind::Qemu,
                "smbios" | "rng" | "ivshmem" | "spice_enhancements" | "cicustom" | "amd-sev" | "intel-tdx" | "migrate_downtime",
                _,
            )
            | (_, "startup", false) => Self::Plain,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    key: Option<String>,
    value: String,
}

/// A property string. Unchanged parts keep their text and order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    form: Form,
    parts: Vec<Part>,
}

impl Property {
    pub fn parse(form: Form, text: &str) -> Self {
        let parts = text
            .split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| match part.split_once('=') {
                Some((key, value)) => Part { key: Some(key.to_owned()), value: value.to_owned() },
                None => Part { key: None, value: part.to_owned() },
            })
            .collect();
        Self { form, parts }
    }

    /// Returns the value of a part, also if the string omits its key.
    pub fn get(&self, key: &str) -> Option<&str> {
        if self.form == Form::Nic
            && let Some(nic) = self.parts.iter().find(|part| part.model().is_some())
        {
            match key {
                "model" => return nic.model(),
                "macaddr" if nic.key.is_some() => return Some(&nic.value),
                _ => {}
            }
        }
        self.at(key).map(|at| self.parts[at].value.as_str())
    }

    /// Whether the part exists and is not false.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !matches!(value, "0" | "off" | "no" | "false" | ""))
    }

    /// Sets the value of a part, appending it if it does not exist.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        if self.form == Form::Nic
            && let Some(nic) = self.parts.iter_mut().find(|part| part.model().is_some())
        {
            match (key, nic.key.is_some()) {
                ("model", true) => nic.key = Some(value),
                ("model", false) => nic.value = value,
                ("macaddr", true) => nic.value = value,
                ("macaddr", false) => {
                    nic.key = Some(std::mem::replace(&mut nic.value, value));
                    self.parts.retain(|part| part.key.as_deref() != Some("macaddr"));
                }
                _ => self.put(key, value),
            }
            return;
        }
        self.put(key, value);
    }

    fn put(&mut self, key: &str, value: String) {
        match self.at(key) {
            Some(at) => self.parts[at].value = value,
            None if matches!(self.form, Form::Default(default) if default == key) => self.parts.insert(0, Part { key: None, value }),
            None => self.parts.push(Part { key: Some(key.to_owned()), value }),
        }
    }

    /// Removes a part and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        if self.form == Form::Nic && key == "macaddr" {
            // `virtio=MAC` without the address is `virtio`: the host generates a new one.
            if let Some(nic) = self.parts.iter_mut().find(|part| part.key.is_some() && part.model().is_some()) {
                let model = nic.key.take().unwrap_or_default();
                return Some(std::mem::replace(&mut nic.value, model));
            }
        }
        self.at(key).map(|at| self.parts.remove(at).value)
    }

    /// Returns the parts in order, with omitted keys filled in.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let default = match self.form {
            Form::Default(key) => key,
            Form::Nic => "model",
            Form::Plain => "",
        };
        self.parts.iter().map(move |part| (part.key.as_deref().unwrap_or(default), part.value.as_str()))
    }

    fn at(&self, key: &str) -> Option<usize> {
        let named = self.parts.iter().position(|part| part.key.as_deref() == Some(key));
        let bare = match self.form {
            Form::Default(default) => default == key,
            Form::Nic => key == "model",
            Form::Plain => false,
        };
        named.or_else(|| self.parts.iter().position(|part| part.key.is_none()).filter(|_| bare))
    }
}

impl Part {
    /// Returns the model of the network device if this part contains it.
    fn model(&self) -> Option<&str> {
        let word = self.key.as_deref().unwrap_or(&self.value);
        MODELS.contains(&word).then_some(word)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if let Some(key) = &part.key {
                write!(f, "{key}=")?;
            }
            f.write_str(&part.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mount(text: &str) -> Property {
        Property::parse(Form::Default("volume"), text)
    }

    #[test]
    fn editing_a_part_keeps_the_others() {
        let mut mp0 = mount("local-lvm:101/vm-101-disk-1.raw,mp=/data,size=4G");
        assert_eq!((mp0.get("volume"), mp0.get("mp"), mp0.get("backup")), (Some("local-lvm:101/vm-101-disk-1.raw"), Some("/data"), None));
        mp0.set("backup", "0");
        mp0.set("volume", "other:8");
        assert_eq!(mp0.to_string(), "other:8,mp=/data,size=4G,backup=0");
        assert!(!mp0.flag("backup"));
        assert_eq!(mp0.remove("size").as_deref(), Some("4G"));
        assert_eq!((mp0.remove("nosuch"), mp0.to_string()), (None, "other:8,mp=/data,backup=0".to_owned()));
    }

    #[test]
    fn a_default_key_may_be_explicit() {
        let mut rootfs = mount("size=4G,volume=local:1");
        assert_eq!(rootfs.get("volume"), Some("local:1"));
        rootfs.set("volume", "local:2");
        assert_eq!(rootfs.to_string(), "size=4G,volume=local:2");
        let mut empty = mount("");
        empty.set("mp", "/a");
        empty.set("volume", "local:3");
        assert_eq!(empty.to_string(), "local:3,mp=/a");
    }

    #[test]
    fn a_network_device_has_model_and_address_in_one_part() {
        let mut net0 = Property::parse(Form::Nic, "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5");
        assert_eq!((net0.get("model"), net0.get("macaddr"), net0.get("tag")), (Some("virtio"), Some("BC:24:11:00:00:01"), Some("5")));
        net0.set("bridge", "vmbr1");
        net0.set("model", "e1000");
        net0.set("macaddr", "BC:24:11:00:00:02");
        assert_eq!(net0.to_string(), "e1000=BC:24:11:00:00:02,bridge=vmbr1,tag=5");
        assert_eq!(net0.remove("macaddr").as_deref(), Some("BC:24:11:00:00:02"));
        assert_eq!(net0.to_string(), "e1000,bridge=vmbr1,tag=5");
        net0.set("macaddr", "BC:24:11:00:00:03");
        assert_eq!(net0.to_string(), "e1000=BC:24:11:00:00:03,bridge=vmbr1,tag=5");
        let long = Property::parse(Form::Nic, "model=virtio,macaddr=BC:24:11:00:00:04");
        assert_eq!((long.get("model"), long.get("macaddr")), (Some("virtio"), Some("BC:24:11:00:00:04")));
    }

    #[test]
    fn the_format_depends_on_the_key() {
        use GuestKind::{Lxc, Qemu};
        assert_eq!(Form::of(Lxc, "mp12"), Some(Form::Default("volume")));
        assert_eq!(Form::of(Qemu, "net0"), Some(Form::Nic));
        assert_eq!(Form::of(Lxc, "net0"), Some(Form::Plain));
        assert_eq!(Form::of(Qemu, "smbios1"), Some(Form::Plain));
        assert_eq!(Form::of(Lxc, "description"), None);
        assert_eq!(Form::of(Lxc, "memory"), None);
        assert_eq!(Form::of(Qemu, "name"), None);
    }

    fn key() -> impl Strategy<Value = String> {
        "[a-z]{1,8}"
    }

    fn value() -> impl Strategy<Value = String> {
        "[A-Za-z0-9:/._;= -]{0,16}"
    }

    proptest! {
        #[test]
        fn parsing_and_formatting_keeps_the_text(parts in proptest::collection::vec((key(), value()), 0..6), bare in "[a-z]{1,6}:[0-9]{1,3}") {
            let mut words = vec![bare];
            words.extend(parts.iter().map(|(key, value)| format!("{key}={value}")));
            let text = words.join(",");
            for form in [Form::Plain, Form::Default("volume"), Form::Nic] {
                prop_assert_eq!(Property::parse(form, &text).to_string(), text.clone());
            }
        }

        #[test]
        fn setting_a_part_keeps_the_others(
            text in "[a-z=,0-9:]{0,40}", key in key(), new in "[a-z0-9:/]{1,12}",
        ) {
            for form in [Form::Plain, Form::Default("volume"), Form::Default("file")] {
                let before = Property::parse(form, &text);
                let mut after = before.clone();
                after.set(&key, new.clone());
                prop_assert_eq!(after.get(&key), Some(new.as_str()));
                prop_assert_eq!(Property::parse(form, &after.to_string()), after.clone());
                let others = |p: &Property| p.parts().filter(|(k, _)| *k != key).map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>();
                prop_assert_eq!(others(&before), others(&after));
            }
        }

        #[test]
        fn no_input_causes_a_panic(text in ".{0,80}", key in ".{0,8}") {
            for form in [Form::Plain, Form::Default("volume"), Form::Nic] {
                let mut property = Property::parse(form, &text);
                property.set(&key, "x");
                let _ = (property.get(&key).map(str::to_owned), property.remove(&key), property.to_string());
            }
        }
    }
}
