//! One node of the schema: a parameter, a field of a property string, or a whole parameter object.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A JSON type as Proxmox names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    Null,
    Any,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Null => "null",
            Self::Any => "any",
        }
    }
}

/// A named format, or the fields of a property string.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Format {
    Named(String),
    Fields(BTreeMap<String, Schema>),
}

/// A bound keeps its text, because the host's message shows it as written.
#[derive(Debug, Clone)]
pub struct Bound {
    pub text: String,
    pub value: f64,
}

/// Who may call a method.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Permissions {
    /// `all` (any login) or `world` (no login).
    pub user: Option<String>,
    /// The check in prefix notation.
    pub check: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Schema {
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    #[serde(deserialize_with = "flag")]
    pub optional: bool,
    pub default: Option<Value>,
    #[serde(rename = "enum", deserialize_with = "words")]
    pub choices: Vec<String>,
    #[serde(deserialize_with = "bound")]
    pub minimum: Option<Bound>,
    #[serde(deserialize_with = "bound")]
    pub maximum: Option<Bound>,
    #[serde(rename = "minLength")]
    pub min_length: Option<usize>,
    #[serde(rename = "maxLength")]
    pub max_length: Option<usize>,
    pub pattern: Option<String>,
    pub format: Option<Format>,
    pub requires: Option<String>,
    pub alias: Option<String>,
    #[serde(rename = "keyAlias")]
    pub key_alias: Option<String>,
    #[serde(rename = "default_key", deserialize_with = "flag")]
    pub default_key: bool,
    pub items: Option<Box<Schema>>,
    /// Indices into the table of types.
    pub properties: Option<BTreeMap<String, usize>>,
    #[serde(rename = "additionalProperties", deserialize_with = "maybe_flag")]
    pub additional: Option<bool>,
    #[serde(rename = "allOf")]
    pub all_of: Vec<Schema>,
    #[serde(rename = "oneOf")]
    pub one_of: Vec<Schema>,
    pub instance_type: Option<String>,
    pub instance_types: Vec<String>,
    pub type_property: Option<String>,
    pub type_property_schema: Option<Box<Schema>>,
}

/// How many members an indexed family such as `net[n]` has.
fn family_size(name: &str) -> usize {
    match name {
        "mp" | "dev" | "unused" => 256,
        "net" | "ipconfig" => 32,
        "scsi" => 31,
        "virtio" | "hostpci" => 16,
        "usb" => 14,
        "virtiofs" => 10,
        "numa" => 8,
        "sata" => 6,
        "ide" | "serial" => 4,
        "parallel" => 3,
        "link" => 8,
        _ => 32,
    }
}

impl Schema {
    /// The schema of one property of an object, also of a member of a family (`net0` of `net[n]`).
    pub fn property(&self, name: &str) -> Option<&'static Schema> {
        if let Some(properties) = &self.properties {
            if let Some(index) = properties.get(name) {
                return super::table::kind_at(*index);
            }
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let digits = &name[stem.len()..];
            if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
                return None;
            }
            let index = properties.get(&format!("{stem}[n]"))?;
            let size = family_size(stem);
            return (digits.parse::<usize>().ok()? < size).then(|| super::table::kind_at(*index)).flatten();
        }
        self.all_of.iter().chain(&self.one_of).find_map(|part| part.property(name))
    }

    /// The names of all properties of an object; of a family such as `net[n]` each member.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.properties.iter().flat_map(BTreeMap::keys) {
            match name.strip_suffix("[n]") {
                Some(stem) => names.extend((0..family_size(stem)).map(|n| format!("{stem}{n}"))),
                None => names.push(name.clone()),
            }
        }
        for name in self.all_of.iter().chain(&self.one_of).flat_map(Self::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let kind = self.type_property.clone().filter(|name| !self.one_of.is_empty() && !names.contains(name));
        names.extend(kind);
        names
    }

    /// The schema of a parameter, also of the one that chooses between variants, and whether it must always be given.
    pub fn parameter(&'static self, name: &str) -> Option<(&'static Self, bool)> {
        if self.type_property.as_deref() == Some(name)
            && let Some(schema) = self.type_property_schema.as_deref()
        {
            return Some((schema, !schema.optional));
        }
        if let Some(found) = self.all_of.iter().find_map(|part| part.parameter(name)) {
            return Some(found);
        }
        let schema = self.property(name)?;
        let everywhere = self.one_of.iter().all(|part| part.property(name).is_some());
        Some((schema, !schema.optional && everywhere))
    }

    /// Whether the value is several values: an array, or a list in one text.
    pub fn is_list(&self) -> bool {
        self.kind == Some(Kind::Array) || matches!(&self.format, Some(Format::Named(name)) if name.ends_with("-list"))
    }

    /// The fields when this is a property string.
    pub fn fields(&self) -> Option<&BTreeMap<String, Schema>> {
        match self.format.as_ref()? {
            Format::Fields(fields) => Some(fields),
            Format::Named(name) => super::table::named(name),
        }
    }
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(truth(&Value::deserialize(from)?))
}

fn maybe_flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(Some(truth(&Value::deserialize(from)?)))
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Null => false,
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<Value>>::deserialize(from)?.unwrap_or_default().iter().map(super::check::scalar).collect())
}

fn bound<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bound>, D::Error> {
    let text = super::check::scalar(&Value::deserialize(from)?);
    Ok(text.parse().ok().map(|value| Bound { text, value }))
}
