//! Retention policies: `last=3,daily=7`.

use std::fmt;
use std::str::FromStr;

/// The rules in their original order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep(Vec<(&'static str, u32)>);

const RULES: [&str; 6] = ["last", "hourly", "daily", "weekly", "monthly", "yearly"];

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "use last=3,daily=7 (last, hourly, daily, weekly, monthly, yearly), or all";
        if text.trim() == "all" {
            return Ok(Self(Vec::new()));
        }
        let mut rules: Vec<(&'static str, u32)> = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, count) = word.split_once('=').ok_or_else(|| format!("invalid rule '{word}': {example}"))?;
            let name = name.strip_prefix("keep-").unwrap_or(name);
            let rule = RULES.into_iter().find(|rule| *rule == name).ok_or_else(|| format!("unknown rule '{name}': {example}"))?;
            let count: u32 = count.parse().map_err(|_| format!("invalid number '{count}': {example}"))?;
            if rules.iter().any(|(known, _)| *known == rule) {
                return Err(format!("duplicate rule '{rule}'"));
            }
            rules.push((rule, count));
        }
        // The host interprets all zeros as "keep all", which is hardly intended.
        if rules.iter().all(|(_, count)| *count == 0) {
            return Err(format!("the rules keep nothing: {example}"));
        }
        Ok(Self(rules))
    }
}

impl Keep {
    /// Returns the value for the host.
    pub fn wire(&self) -> String {
        if self.0.is_empty() {
            return "keep-all=1".to_owned();
        }
        self.0.iter().map(|(rule, count)| format!("keep-{rule}={count}")).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all");
        }
        let words: Vec<String> = self.0.iter().map(|(rule, count)| format!("{rule}={count}")).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_parsed_and_sent() {
        let keep: Keep = "last=3,daily=7".parse().expect("rules");
        assert_eq!((keep.wire().as_str(), keep.to_string().as_str()), ("keep-last=3,keep-daily=7", "last=3,daily=7"));
        assert_eq!("keep-last=3".parse::<Keep>().expect("as the host writes it").wire(), "keep-last=3");
        assert_eq!("all".parse::<Keep>().expect("all").wire(), "keep-all=1");
        for wrong in ["", "last", "last=x", "often=3", "last=0", "last=1,last=2"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
    }
}
