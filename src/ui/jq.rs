//! `--jq`: a filter over the JSON, run inside of the program.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use super::json;
use crate::fault::{Fault, Result};

type Filter = jaq_core::Filter<data::JustLut<Val>>;

/// What is wrong with the expression, before anything is done.
pub(super) fn check(expression: &str) -> Result<()> {
    compile(expression).map(|_| ())
}

/// The results, one a line: strings as they are, the rest as JSON.
pub(super) fn run(expression: &str, input: &Value, pretty: bool) -> Result<String> {
    let filter = compile(expression)?;
    let input = read::parse_single(input.to_string().as_bytes()).map_err(|e| Fault::other(format!("--jq cannot read the result: {e}")))?;
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut out = String::new();
    for result in filter.id.run((context, input)).map(unwrap_valr) {
        match result.map_err(|e| Fault::other(format!("--jq '{expression}': {e}")))? {
            Val::TStr(text) | Val::BStr(text) => {
                out.push_str(&String::from_utf8_lossy(&text));
                out.push('\n');
            }
            value => match serde_json::from_str::<Value>(&value.to_string()) {
                Ok(value) if pretty => out.push_str(&json::pretty(&value)),
                Ok(value) => out.push_str(&json::compact(&value)),
                // NaN and the like have no JSON.
                Err(_) => out.push_str("null\n"),
            },
        }
    }
    Ok(out)
}

fn compile(expression: &str) -> Result<Filter> {
    let wrong = |what: String| {
        Fault::usage(format!("--jq '{expression}': {what}"))
            .with_hint("e.g. --jq '.[].vmid' or --jq '.[] | select(.status == \"running\") | .name'")
    };
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(definitions).load(&arena, File { code: expression, path: () }).map_err(|errors| {
        use jaq_core::load::Error;
        wrong(match errors.into_iter().next().map(|(_, error)| error) {
            Some(Error::Lex(all)) => {
                all.first().map_or_else(String::new, |(expected, at)| format!("{} expected {}", expected.as_str(), place(at)))
            }
            Some(Error::Parse(all)) => {
                all.first().map_or_else(String::new, |(expected, at)| format!("{} expected {}", expected.as_str(), place(at)))
            }
            Some(Error::Io(_)) => "modules cannot be loaded".to_owned(),
            None => "not understood".to_owned(),
        })
    })?;
    Compiler::default().with_funs(functions).compile(modules).map_err(|errors| {
        let first = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
        wrong(first.map_or_else(|| "not understood".to_owned(), |(name, what)| format!("there is no {} '{name}'", what.as_str())))
    })
}

fn place(rest: &str) -> String {
    if rest.is_empty() { "at the end".to_owned() } else { format!("at '{}'", rest.chars().take(20).collect::<String>()) }
}
