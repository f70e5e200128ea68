//! Injected faults.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// What a fault does to a request or its answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// Closes the connection without an answer; the request is not executed.
    Reset,
    /// Sends nothing for this many milliseconds; the request is not executed.
    Silent { ms: u64 },
    /// Executes the request and closes the connection without an answer.
    LostAnswer,
    /// Answers with this status and reason; the request is not executed.
    Status { code: u16, reason: String },
    /// Delays the answer by this many milliseconds.
    Slow { ms: u64 },
    /// Stalls in the middle of the answer for this many milliseconds.
    Stall { ms: u64 },
    /// Cuts the body in the middle.
    CutBody,
    /// Cuts the answer after the headers and this many bytes of the body; the request is not executed.
    CutAt { bytes: usize },
    /// Answers 200 with this body; the request is not executed.
    Ignored { body: String },
    /// Executes the request and appends this many bytes of white space to the answer.
    Padded { bytes: usize },
    /// Treats the token or ticket as expired.
    Expired,
    /// Redirects to another host, as a proxy in front of the API might.
    Redirect { to: String },
}

/// A fault for matching requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// `GET`, …, `*` for any method, or `WRITE` for any but `GET`.
    pub method: String,
    /// A path below `/api2/json`; `*` matches any text.
    pub path: String,
    pub trouble: Trouble,
    /// How often the fault occurs; `None` for always.
    pub times: Option<u32>,
    /// How many matching requests succeed first.
    pub after: u32,
}

impl Fault {
    pub fn new(method: &str, path: &str, trouble: Trouble) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), trouble, times: None, after: 0 }
    }

    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let writes = method != "GET" && path != "/access/ticket";
        (self.method == "*" || self.method == method || (self.method == "WRITE" && writes)) && glob(&self.path, path)
    }
}

/// `METHOD PATH TROUBLE [xTIMES] [+AFTER]`, for example `POST /nodes/*/vzdump lost x1` or `GET * 500:boom`.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (Some(method), Some(path), Some(what)) = (words.next(), words.next(), words.next()) else {
            return Err(format!(
                "'{text}' is no fault: METHOD PATH reset|lost|cut|cut-at:BYTES|ignored:BODY|padded:BYTES|expired|silent:MS|slow:MS|stall:MS|redirect:URL|STATUS[:REASON] [xTIMES] [+AFTER]"
            ));
        };
        let trouble = match what.split_once(':').unwrap_or((what, "")) {
            ("reset", _) => Trouble::Reset,
            ("lost", _) => Trouble::LostAnswer,
            ("cut", _) => Trouble::CutBody,
            ("cut-at", bytes) => Trouble::CutAt { bytes: bytes.parse().map_err(|_| format!("'{what}' needs a number: cut-at:0"))? },
            ("padded", bytes) => Trouble::Padded { bytes: bytes.parse().map_err(|_| format!("'{what}' needs a number: padded:1000"))? },
            ("ignored", body) => Trouble::Ignored { body: body.to_owned() },
            ("expired", _) => Trouble::Expired,
            ("redirect", to) => Trouble::Redirect { to: to.to_owned() },
            ("silent", ms) => Trouble::Silent { ms: ms.parse().map_err(|_| format!("'{what}' needs milliseconds: silent:1500"))? },
            ("slow", ms) => Trouble::Slow { ms: ms.parse().map_err(|_| format!("'{what}' needs milliseconds: slow:1500"))? },
            ("stall", ms) => Trouble::Stall { ms: ms.parse().map_err(|_| format!("'{what}' needs milliseconds: stall:1500"))? },
            (code, reason) => {
                let code = code.parse().ok().filter(|c| (100..=599).contains(c)).ok_or_else(|| format!("'{what}' is no trouble"))?;
                Trouble::Status { code, reason: reason.replace('_', " ") }
            }
        };
        let mut fault = Self::new(method, path, trouble);
        for word in words {
            match (word.strip_prefix('x').and_then(|n| n.parse().ok()), word.strip_prefix('+').and_then(|n| n.parse().ok())) {
                (Some(times), _) => fault.times = Some(times),
                (_, Some(after)) => fault.after = after,
                _ => return Err(format!("'{word}' in '{text}' is neither xTIMES nor +AFTER")),
            }
        }
        Ok(fault)
    }
}

/// Parses several faults, separated by newlines or `;`.
pub fn parse_all(text: &str) -> Result<Vec<Fault>, String> {
    text.split(['\n', ';']).map(str::trim).filter(|t| !t.is_empty()).map(str::parse).collect()
}

/// The active faults of a host, with their remaining counts.
#[derive(Debug, Default)]
pub struct Plan(Mutex<Vec<Fault>>);

impl Plan {
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns the fault for this request and counts it.
    pub fn strike(&self, method: &str, path: &str) -> Option<Trouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|f| f.times != Some(0) && f.matches(method, path))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Some(fault.trouble.clone())
    }
}

/// Matches a pattern in which `*` is any text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text
            .strip_prefix(head)
            .is_some_and(|tail| rest.is_empty() || (0..=tail.len()).any(|at| tail.is_char_boundary(at) && glob(rest, &tail[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_from_text() {
        let fault: Fault = "POST /nodes/*/vzdump lost x1 +2".parse().unwrap();
        assert_eq!(fault, Fault::new("POST", "/nodes/*/vzdump", Trouble::LostAnswer).times(1).after(2));
        let fault: Fault = "GET * 595:No_route_to_host".parse().unwrap();
        assert_eq!(fault.trouble, Trouble::Status { code: 595, reason: "No route to host".into() });
        assert!("GET /x boom".parse::<Fault>().is_err());
        assert!("GET /x".parse::<Fault>().is_err());
    }

    #[test]
    fn a_fault_occurs_as_often_as_requested() {
        let plan = Plan::new(vec![Fault::new("GET", "/nodes/*/lxc", Trouble::Reset).times(1).after(1)]);
        assert_eq!(plan.strike("GET", "/nodes/pve1/lxc"), None);
        assert_eq!(plan.strike("POST", "/nodes/pve1/lxc"), None);
        assert_eq!(plan.strike("GET", "/nodes/pve1/lxc"), Some(Trouble::Reset));
        assert_eq!(plan.strike("GET", "/nodes/pve1/lxc"), None);
    }
}
