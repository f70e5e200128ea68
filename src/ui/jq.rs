//! `--jq`: filters JSON inside the program.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use super::json;
use crate::fault::{Fault, Result};

type Filter = jaq_core::Filter<data::JustLut<Val>>;

/// Reports syntax errors before any request is sent.
pub(super) fn check(expression: &str) -> Result<()> {
    compile(expression).map(|_| ())
}

/// Returns the results, one per line: strings unquoted, everything else as JSON.
pub(super) fn run(expression: &str, input: &Value, pretty: bool) -> Result<String> {
    #[cfg(feature = "exec")]
    if let Some(program) = WORKER.get() {
        return worker::ask(program, expression, input, pretty);
    }
    evaluate(expression, input, pretty)
}

/// The program that evaluates filters in a separate process, so that an endless or deeply recursive filter ends only that
/// process.
#[cfg(feature = "exec")]
static WORKER: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

/// The argument that starts this program as such a worker.
#[cfg(feature = "exec")]
pub const WORKER_ARGUMENT: &str = "__jq";

/// Evaluates filters in a separate process from now on.
#[cfg(feature = "exec")]
pub fn isolate() {
    if let Ok(program) = std::env::current_exe() {
        let _ = WORKER.set(program);
    }
}

#[cfg(feature = "exec")]
pub use worker::serve;

#[cfg(feature = "exec")]
mod worker {
    use std::io::{Read, Write};
    use std::path::Path;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::evaluate;
    use crate::exec::{Cmd, Failure};
    use crate::fault::{Fault, Result};
    use crate::interrupt::Interrupt;

    const LIMIT: Duration = Duration::from_secs(60);

    pub(super) fn ask(program: &Path, expression: &str, input: &Value, pretty: bool) -> Result<String> {
        let wrong =
            |why: &str| Fault::other(format!("--jq '{expression}': {why}")).with_hint("simplify the filter, or pipe -o json into jq");
        let request = json!({ "expression": expression, "input": input, "pretty": pretty }).to_string();
        let quiet = Interrupt::never().map_err(|error| Fault::io("set up the filter", &error))?;
        let done =
            Cmd::new(program).arg(super::WORKER_ARGUMENT).stdin(request).timeout(LIMIT).run(&quiet).map_err(|failure| match failure {
                Failure::TimedOut(_) => wrong("no end after 60 s"),
                other => wrong(&other.to_string()),
            })?;
        match done.code {
            Some(0) => Ok(done.stdout_text()),
            Some(1) => Err(Fault::other(done.stderr_text())),
            _ => Err(wrong("the recursion is too deep")),
        }
    }

    /// Answers one request on standard input and returns the exit code.
    pub fn serve() -> u8 {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Value>(&text).ok());
        let Some(request) = read else { return 2 };
        let expression = request["expression"].as_str().unwrap_or_default();
        let answer = evaluate(expression, &request["input"], request["pretty"] == true);
        let (code, text) = match answer {
            Ok(text) => (0, text),
            Err(fault) => (1, fault.message),
        };
        let written = if code == 0 { std::io::stdout().write_all(text.as_bytes()) } else { std::io::stderr().write_all(text.as_bytes()) };
        if written.is_ok() { code } else { 2 }
    }
}

fn evaluate(expression: &str, input: &Value, pretty: bool) -> Result<String> {
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
                // NaN and infinity have no JSON form.
                Err(_) => out.push_str("null\n"),
            },
        }
    }
    Ok(out)
}

fn compile(expression: &str) -> Result<Filter> {
    let wrong = |what: String| {
        Fault::usage(format!("--jq '{expression}': {what}"))
            .with_hint("try --jq '.[].vmid' or --jq '.[] | select(.status == \"running\") | .name'")
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
