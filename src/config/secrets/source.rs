//! Sources of secrets: `secret = "…"`.

use std::fmt;
use std::path::PathBuf;

use crate::secret::Secret;

/// The source of a context's token secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The keyring: Secret Service or Keychain.
    Keyring,
    /// A private file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A file in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A program that prints the secret: arguments, never a shell line.
    Command(Vec<String>),
    /// The secret itself, in a private configuration file.
    Literal(Secret),
}

impl Source {
    /// Parses a source. The error never repeats the text, which may be a secret entered by mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "keyring" if text == scheme => Ok(Self::Keyring),
            "file" if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            "file" => Err("file: needs a path, as in file:/etc/felhom/home.secret".to_owned()),
            "env" if is_variable(rest) => Ok(Self::Env(rest.to_owned())),
            "env" => Err("env: needs the name of a variable, as in env:PVE_SECRET".to_owned()),
            "credential" if is_credential(rest) => Ok(Self::Credential(rest.to_owned())),
            "credential" => Err("credential: needs the name of a systemd credential, as in credential:pve-home".to_owned()),
            "command" => match serde_json::from_str::<Vec<String>>(rest) {
                Ok(words) if words.first().is_some_and(|program| !program.is_empty()) => Ok(Self::Command(words)),
                _ => Err(r#"command: needs the program's words as a list, as in command:["pass","show","pve/home"]"#.to_owned()),
            },
            "literal" if !rest.is_empty() => Ok(Self::Literal(Secret::new(rest))),
            _ => Err(r#"a secret's source is keyring, file:PATH, env:VAR, credential:NAME or command:["WORD",…], never the secret itself"#
                .to_owned()),
        }
    }

    /// Returns the source as in the configuration.
    pub fn written(&self) -> Secret {
        Secret::new(match self {
            Self::Literal(secret) => format!("literal:{}", secret.reveal()),
            shown => shown.to_string(),
        })
    }

    /// Whether reading needs no prompt, unlocking or program, so that completion may use it.
    pub fn is_quiet(&self) -> bool {
        !matches!(self, Self::Keyring | Self::Command(_))
    }
}

impl fmt::Display for Source {
    /// Returns the source for people; a literal is masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("keyring"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Command(words) => write!(f, "command:{}", serde_json::Value::from(words.clone())),
            Self::Literal(secret) => write!(f, "literal:{secret}"),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains('=') && !name.contains(char::is_whitespace)
}

/// Checks for a single file name in the credentials folder.
fn is_credential(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']) && !name.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_comes_back_as_written() {
        for text in [
            "keyring",
            "file:/etc/felhom/home.secret",
            "env:PVE_SECRET",
            "credential:pve-home",
            r#"command:["pass","show","pve/home"]"#,
            "literal:11111111-2222-3333-4444-555555555555",
        ] {
            let source = Source::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(source.written().reveal(), text);
        }
    }

    #[test]
    fn a_literal_is_not_shown() {
        let source = Source::parse("literal:geheim").expect("it parses");
        assert_eq!(format!("{source} {source:?}"), "literal:*** Literal(***)");
    }

    #[test]
    fn complaints_do_not_repeat_the_text() {
        for bad in [
            "",
            "geheim-1111",
            "geheim:1111",
            "file:",
            "env:",
            "env:A=geheim",
            "credential:../geheim",
            "command:pass show geheim",
            "command:[]",
            "literal:",
        ] {
            let why = Source::parse(bad).expect_err(bad);
            assert!(!why.contains("geheim"), "{why}");
        }
    }
}
