//! Verification of parameters, with the wording of a real host.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::node::{Format, Kind, Schema};
use super::{Method, formats, pattern, property};

/// The parameters of a request: text from a form, or JSON values.
pub type Params = Map<String, Value>;

const UNDEFINED: &str = "property is not defined in schema and the schema does not allow additional properties";
const MISSING: &str = "property is missing and it is not optional";

/// The errors by parameter, as they stand in an answer's `errors`.
#[derive(Debug, Default)]
pub(super) struct Errors(pub(super) BTreeMap<String, String>);

impl Errors {
    fn add(&mut self, path: &str, text: impl Into<String>) {
        let path = if path.is_empty() { "_root" } else { path };
        let text = text.into();
        self.0
            .entry(path.to_owned())
            .and_modify(|old| {
                // A real host joins with a backslash and an n, not with a newline.
                old.push_str("\\n");
                old.push_str(&text);
            })
            .or_insert(text);
    }
}

/// Checks the parameters of a call, those in its path included. Lists and arrays are brought into the expected form first.
pub fn verify(method: &Method, params: &mut Params) -> Result<(), BTreeMap<String, String>> {
    normalise(&method.parameters, params);
    let mut errors = Errors::default();
    let schema = &method.parameters;
    if schema.all_of.is_empty() {
        object("", schema, params, &mut errors, None);
    } else {
        let mut unknown_everywhere: Option<BTreeSet<String>> = None;
        for part in &schema.all_of {
            let mut unknown = BTreeSet::new();
            if part.one_of.is_empty() {
                object("", part, params, &mut errors, Some(&mut unknown));
            } else {
                one_of(part, params, &mut errors, &mut unknown);
            }
            unknown_everywhere = Some(match unknown_everywhere {
                None => unknown,
                Some(all) => all.intersection(&unknown).cloned().collect(),
            });
        }
        for name in unknown_everywhere.unwrap_or_default() {
            errors.add(&name, UNDEFINED);
        }
    }
    if errors.0.is_empty() { Ok(()) } else { Err(errors.0) }
}

/// Checks one value by itself.
pub fn verify_value(schema: &Schema, name: &str, text: &str) -> Result<(), String> {
    let mut errors = Errors::default();
    let value = match schema.kind {
        Some(Kind::Array) => Value::Array(vec![Value::String(text.to_owned())]),
        _ => Value::String(text.to_owned()),
    };
    present(&value, schema, name, &mut errors, None);
    errors.0.into_values().next().map_or(Ok(()), |text| Err(text.trim_end().replace('\n', "; ")))
}

/// An array where a list is expected becomes a list; a single value where an array is expected becomes an array.
fn normalise(schema: &Schema, params: &mut Params) {
    for (name, value) in params.iter_mut() {
        let Some(wanted) = schema.property(name) else { continue };
        let list = matches!(&wanted.format, Some(Format::Named(format)) if format.ends_with("-list"));
        match value {
            Value::Array(items) if wanted.kind == Some(Kind::String) && list => {
                *value = Value::String(items.iter().map(scalar).collect::<Vec<_>>().join(","));
            }
            Value::String(text) if wanted.kind == Some(Kind::Array) && !text.is_empty() && text != "0" => {
                let items = text.split('\0').map(|item| Value::String(item.to_owned())).collect();
                *value = Value::Array(items);
            }
            _ => {}
        }
    }
}

/// A value as Perl would print it.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => u8::from(*yes).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn object(path: &str, schema: &Schema, values: &Params, errors: &mut Errors, mut unknown: Option<&mut BTreeSet<String>>) {
    if let Some(properties) = &schema.properties {
        for name in properties.keys().filter(|name| !name.ends_with("[n]") && !values.contains_key(*name)) {
            if let Some(wanted) = schema.property(name) {
                absent(wanted, &join(path, name), errors);
            }
        }
    }
    for (name, value) in values {
        let here = join(path, name);
        let Some(wanted) = schema.property(name) else {
            if schema.additional == Some(false) {
                match unknown.as_deref_mut() {
                    Some(unknown) => {
                        unknown.insert(name.clone());
                    }
                    None => errors.add(&here, UNDEFINED),
                }
            }
            continue;
        };
        if value.is_null() {
            absent(wanted, &here, errors);
        } else {
            let instance = wanted.type_property.as_ref().and_then(|name| values.get(name)).map(scalar);
            present(value, wanted, &here, errors, instance.as_deref());
        }
        if let Some(other) = &wanted.requires
            && !values.contains_key(other)
        {
            errors.add(&join(path, other), format!("missing property required by '{here}'"));
        }
    }
}

/// The fields of a property string.
pub(super) fn fields(path: &str, fields: &BTreeMap<String, Schema>, values: &Params, errors: &mut Errors) {
    for (name, wanted) in fields {
        let here = join(path, name);
        match values.get(name) {
            Some(value) => present(value, wanted, &here, errors, None),
            None => absent(wanted, &here, errors),
        }
    }
    for name in values.keys() {
        let here = join(path, name);
        match fields.get(name) {
            None => errors.add(&here, UNDEFINED),
            Some(wanted) => {
                if let Some(other) = &wanted.requires
                    && !values.contains_key(other)
                {
                    errors.add(&join(path, other), format!("missing property required by '{here}'"));
                }
            }
        }
    }
}

fn absent(schema: &Schema, path: &str, errors: &mut Errors) {
    let legacy_variants = !schema.one_of.is_empty() && schema.type_property_schema.is_none() && schema.type_property.is_some();
    if schema.alias.is_none() && !schema.optional && schema.kind != Some(Kind::Null) && !legacy_variants {
        errors.add(path, MISSING);
    }
}

/// The variant of an object that its type property names.
fn one_of(schema: &Schema, values: &Params, errors: &mut Errors, unknown: &mut BTreeSet<String>) {
    let (Some(name), Some(wanted)) = (&schema.type_property, &schema.type_property_schema) else { return };
    let others = || values.keys().filter(|key| *key != name).cloned();
    let Some(kind) = values.get(name) else {
        unknown.extend(others());
        if !schema.optional {
            absent(wanted, name, errors);
        }
        return;
    };
    let before = errors.0.len();
    present(kind, wanted, name, errors, None);
    if errors.0.len() > before {
        unknown.extend(others());
        return;
    }
    let kind = scalar(kind);
    match schema.one_of.iter().find(|variant| variant.instance_type.as_deref() == Some(&kind)) {
        Some(variant) => {
            object(&format!("oneOf[{kind}]"), variant, values, errors, Some(unknown));
            unknown.remove(name);
        }
        None => errors.add("", format!("'{kind}' is not a valid oneOf variant")),
    }
}

fn present(value: &Value, schema: &Schema, path: &str, errors: &mut Errors, instance: Option<&str>) {
    if !schema.one_of.is_empty() && schema.type_property_schema.is_none() {
        let fitting = schema.one_of.iter().filter(|part| instance.is_some_and(|kind| part.instance_types.iter().any(|own| own == kind)));
        for part in fitting {
            present(value, part, path, errors, None);
        }
    }
    if schema.alias.is_some() {
        return;
    }
    if let Err(text) = of_kind(value, schema.kind) {
        errors.add(path, text);
        return;
    }
    if let Value::Array(items) = value {
        if let Some(wanted) = &schema.items {
            for (index, item) in items.iter().enumerate() {
                present(item, wanted, &format!("{path}[{index}]"), errors, None);
            }
        }
        return;
    }
    if let Err(text) = limits(&scalar(value), schema, path) {
        errors.add(path, text);
    }
}

fn of_kind(value: &Value, kind: Option<Kind>) -> Result<(), String> {
    let Some(kind) = kind else { return Ok(()) };
    let word = kind.word();
    let failed = |got: &str| Err(format!("type check ('{word}') failed - got {got}"));
    match (kind, value) {
        (Kind::Any, _) | (Kind::Array, Value::Array(_)) | (Kind::Object, Value::Object(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Array | Kind::Object, _) => Err(format!("type check ('{word}') failed")),
        (Kind::Null, _) => Err("type check ('null') failed - value is not null".to_owned()),
        (_, Value::Array(_)) => failed("ARRAY"),
        (_, Value::Object(_)) => failed("HASH"),
        (_, Value::Bool(_)) => failed("JSON::PP::Boolean"),
        (Kind::String, _) => Ok(()),
        (Kind::Boolean | Kind::Integer | Kind::Number, _) => {
            let text = scalar(value);
            let fits = match kind {
                Kind::Boolean => text == "0" || text == "1",
                Kind::Integer => is_integer(&text),
                _ => is_number(&text),
            };
            if fits { Ok(()) } else { failed(&format!("'{text}'")) }
        }
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn is_integer(text: &str) -> bool {
    let digits = unsigned(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let number = unsigned(text);
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => (&number[..at], Some(&number[at + 1..])),
        None => (number, None),
    };
    let plain = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && mantissa.matches('.').count() < 2
        && mantissa.bytes().any(|b| b.is_ascii_digit());
    plain && exponent.is_none_or(is_integer)
}

fn limits(text: &str, schema: &Schema, path: &str) -> Result<(), String> {
    if let Some(format) = &schema.format {
        let checked = match format {
            Format::Named(name) => formats::check(name, text, path),
            Format::Fields(fields) => property::parse(fields, text, path).map(|_| ()),
        };
        checked.map_err(|text| format!("invalid format - {text}"))?;
    }
    if let Some(wanted) = &schema.pattern
        && !pattern::matches(wanted, text)
    {
        return Err("value does not match the regex pattern".to_owned());
    }
    let length = text.chars().count();
    if let Some(max) = schema.max_length
        && length > max
    {
        return Err(format!("value may only be {max} characters long"));
    }
    if let Some(min) = schema.min_length
        && length < min
    {
        return Err(format!("value must be at least {min} characters long"));
    }
    if is_number(text)
        && let Ok(number) = text.parse::<f64>()
    {
        if let Some(max) = &schema.maximum
            && number > max.value
        {
            return Err(format!("value must have a maximum value of {}", max.text));
        }
        if let Some(min) = &schema.minimum
            && number < min.value
        {
            return Err(format!("value must have a minimum value of {}", min.text));
        }
    }
    if !schema.choices.is_empty() && !schema.choices.iter().any(|choice| choice == text) {
        return Err(format!("value '{text}' does not have a value in the enumeration '{}'", schema.choices.join(", ")));
    }
    Ok(())
}
