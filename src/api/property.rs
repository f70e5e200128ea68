//! Property strings, `virtio=BC:24:…,bridge=vmbr0`: read, and edited by part, so that nothing else in them is lost.

use std::fmt;

use crate::api::GuestKind;

/// The models of a virtual machine's network card; `virtio=MAC` says model and address at once.
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

/// How the text of one configuration key is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `key=value` parts only.
    Plain,
    /// One part may stand without its key, which is this one.
    Default(&'static str),
    /// A virtual machine's network card: `MODEL=MAC` for `model=MODEL,macaddr=MAC`.
    Card,
}

impl Form {
    /// The form of a guest's configuration key; `None` where its value is one word or a free text.
    pub fn of(kind: GuestKind, key: &str) -> Option<Self> {
        let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = letters.len() < key.len();
        Some(match (kind, letters, numbered) {
            (GuestKind::Lxc, "rootfs", false) | (GuestKind::Lxc, "mp" | "unused", true) => Self::Default("volume"),
            (GuestKind::Lxc, "net", true) | (GuestKind::Lxc, "features", false) => Self::Plain,
            (GuestKind::Lxc, "dev", true) => Self::Default("path"),
            (GuestKind::Qemu, "net", true) => Self::Card,
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

/// A property string. What is not touched comes out as it went in, in its order.
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

    /// The value of a part, also where it stands without its key.
    pub fn get(&self, key: &str) -> Option<&str> {
        if self.form == Form::Card
            && let Some(card) = self.parts.iter().find(|part| part.model().is_some())
        {
            match key {
                "model" => return card.model(),
                "macaddr" if card.key.is_some() => return Some(&card.value),
                _ => {}
            }
        }
        self.at(key).map(|at| self.parts[at].value.as_str())
    }

    /// Is the part there and not `0`?
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !matches!(value, "0" | "off" | "no" | "false" | ""))
    }

    /// Puts a part's value in its place, or at the end where it was not there.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        if self.form == Form::Card
            && let Some(card) = self.parts.iter_mut().find(|part| part.model().is_some())
        {
            match (key, card.key.is_some()) {
                ("model", true) => card.key = Some(value),
                ("model", false) => card.value = value,
                ("macaddr", true) => card.value = value,
                ("macaddr", false) => {
                    card.key = Some(std::mem::replace(&mut card.value, value));
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

    /// Takes a part away; gives what it was.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        if self.form == Form::Card && key == "macaddr" {
            // `virtio=MAC` without its address is `virtio`: the host makes a new one.
            if let Some(card) = self.parts.iter_mut().find(|part| part.key.is_some() && part.model().is_some()) {
                let model = card.key.take().unwrap_or_default();
                return Some(std::mem::replace(&mut card.value, model));
            }
        }
        self.at(key).map(|at| self.parts.remove(at).value)
    }

    /// The parts in their order; one without a key under the key that it stands for.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let default = match self.form {
            Form::Default(key) => key,
            Form::Card => "model",
            Form::Plain => "",
        };
        self.parts.iter().map(move |part| (part.key.as_deref().unwrap_or(default), part.value.as_str()))
    }

    fn at(&self, key: &str) -> Option<usize> {
        let named = self.parts.iter().position(|part| part.key.as_deref() == Some(key));
        let bare = match self.form {
            Form::Default(default) => default == key,
            Form::Card => key == "model",
            Form::Plain => false,
        };
        named.or_else(|| self.parts.iter().position(|part| part.key.is_none()).filter(|_| bare))
    }
}

impl Part {
    /// The card's model, where this part says it.
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
    fn a_part_is_edited_and_the_rest_stays() {
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
    fn a_default_key_may_be_written_out() {
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
    fn a_card_says_model_and_address_in_one() {
        let mut net0 = Property::parse(Form::Card, "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5");
        assert_eq!((net0.get("model"), net0.get("macaddr"), net0.get("tag")), (Some("virtio"), Some("BC:24:11:00:00:01"), Some("5")));
        net0.set("bridge", "vmbr1");
        net0.set("model", "e1000");
        net0.set("macaddr", "BC:24:11:00:00:02");
        assert_eq!(net0.to_string(), "e1000=BC:24:11:00:00:02,bridge=vmbr1,tag=5");
        assert_eq!(net0.remove("macaddr").as_deref(), Some("BC:24:11:00:00:02"));
        assert_eq!(net0.to_string(), "e1000,bridge=vmbr1,tag=5");
        net0.set("macaddr", "BC:24:11:00:00:03");
        assert_eq!(net0.to_string(), "e1000=BC:24:11:00:00:03,bridge=vmbr1,tag=5");
        let long = Property::parse(Form::Card, "model=virtio,macaddr=BC:24:11:00:00:04");
        assert_eq!((long.get("model"), long.get("macaddr")), (Some("virtio"), Some("BC:24:11:00:00:04")));
    }

    #[test]
    fn which_keys_are_made_of_parts() {
        use GuestKind::{Lxc, Qemu};
        assert_eq!(Form::of(Lxc, "mp12"), Some(Form::Default("volume")));
        assert_eq!(Form::of(Qemu, "net0"), Some(Form::Card));
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
        fn what_is_not_touched_comes_out_as_it_went_in(parts in proptest::collection::vec((key(), value()), 0..6), bare in "[a-z]{1,6}:[0-9]{1,3}") {
            let mut words = vec![bare];
            words.extend(parts.iter().map(|(key, value)| format!("{key}={value}")));
            let text = words.join(",");
            for form in [Form::Plain, Form::Default("volume"), Form::Card] {
                prop_assert_eq!(Property::parse(form, &text).to_string(), text.clone());
            }
        }

        #[test]
        fn a_set_part_is_read_back_and_the_others_are_as_before(
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
        fn nothing_that_a_host_may_send_breaks_it(text in ".{0,80}", key in ".{0,8}") {
            for form in [Form::Plain, Form::Default("volume"), Form::Card] {
                let mut property = Property::parse(form, &text);
                property.set(&key, "x");
                let _ = (property.get(&key).map(str::to_owned), property.remove(&key), property.to_string());
            }
        }
    }
}
