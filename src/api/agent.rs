//! Commands and files inside a VM, through its guest agent.

use serde::{Deserialize, Deserializer, de};

use crate::api::{Call, Place, Value, lenient};
use crate::secret::Secret;

/// The size limit of a command's input, in bytes.
pub const MOST_INPUT: usize = 64 << 10;
/// The size limit of a written file, in bytes.
pub const MOST_WRITTEN: usize = 60 << 10;
/// How much of a file one call reads. As JSON, a byte can take six characters.
const PIECE: u64 = 4 << 20;

impl Place {
    /// Starts a command. The words are sent one by one; no shell splits them.
    pub fn exec(&self, command: &[String], input: Option<&[u8]>) -> Call<Started> {
        Call::post(self.path(&["agent", "exec"]))
            .with("command", Value::Each(command.to_vec()))
            .with_some("input-data", input.map(|bytes| Secret::new(characters(bytes))))
    }

    /// The state of a command. The host reports its end once.
    pub fn exec_status(&self, pid: i64) -> Call<Exec> {
        Call::get(self.path(&["agent", "exec-status"])).with("pid", pid)
    }

    /// Reads a piece of a file.
    pub fn read_file(&self, file: &str, offset: u64) -> Call<Piece> {
        let call = Call::get(self.path(&["agent", "file-read"])).slow().with("file", file).with("count", PIECE);
        call.with_some("offset", Some(offset).filter(|offset| *offset > 0))
    }

    /// Writes a file. The content may be secret.
    pub fn write_file(&self, file: &str, content: &[u8]) -> Call<serde_json::Value> {
        Call::post(self.path(&["agent", "file-write"])).with("file", file).with("content", Secret::new(characters(content)))
    }
}

#[derive(Debug, Deserialize)]
pub struct Started {
    pub pid: i64,
}

/// The state of a command.
#[derive(Debug, Default, Deserialize)]
pub struct Exec {
    #[serde(deserialize_with = "lenient::flag")]
    pub exited: bool,
    #[serde(default)]
    pub exitcode: Option<i64>,
    #[serde(default)]
    pub signal: Option<i64>,
    #[serde(rename = "out-data", default, deserialize_with = "bytes")]
    pub stdout: Vec<u8>,
    #[serde(rename = "err-data", default, deserialize_with = "bytes")]
    pub stderr: Vec<u8>,
    #[serde(rename = "out-truncated", default, deserialize_with = "lenient::flag")]
    pub stdout_truncated: bool,
    #[serde(rename = "err-truncated", default, deserialize_with = "lenient::flag")]
    pub stderr_truncated: bool,
}

/// A piece of a file.
#[derive(Debug, Deserialize)]
pub struct Piece {
    #[serde(default, deserialize_with = "bytes")]
    pub content: Vec<u8>,
    /// Whether the file goes on after this piece.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub truncated: bool,
}

/// Encodes bytes as the API expects them: one character per byte.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Decodes text with one character per byte.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    let byte = |c: char| u8::try_from(u32::from(c)).map_err(|_| de::Error::custom(format!("'{c}' is no byte")));
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        let exec: Exec = serde_json::from_value(serde_json::json!({"exited": 1, "exitcode": 0, "out-data": characters(&all)})).unwrap();
        assert_eq!((exec.stdout, exec.exitcode), (all, Some(0)));
        let wide = serde_json::from_value::<Exec>(serde_json::json!({"exited": 1, "out-data": "\u{20ac}"}));
        assert!(wide.unwrap_err().to_string().contains("no byte"));
    }
}
