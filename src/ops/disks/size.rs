//! Sizes from the command line.

use crate::api::schema::property;
use crate::fault::{Fault, Result};

/// A size such as `8G`, or a growth such as `+8G`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Whether the size is added to the present one.
    pub added: bool,
    pub bytes: u64,
}

impl Size {
    /// Parses a size; without unit in GiB.
    pub fn parse(text: &str) -> Result<Self> {
        let (added, number) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let bare = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let bytes = property::size(&if bare { format!("{number}G") } else { number.to_owned() });
        match bytes.filter(|bytes| *bytes > 0) {
            Some(bytes) => Ok(Self { added, bytes }),
            None => {
                Err(Fault::usage(format!("'{text}' is not a size")).with_hint("write it as 512M, 8G or 1.5T; +8G adds to the present size"))
            }
        }
    }

    /// Returns the size in GiB, as a new volume takes it: `8`, `0.5`.
    #[expect(clippy::cast_precision_loss, reason = "three decimals are sent")]
    pub fn gib(self) -> String {
        let text = format!("{:.3}", self.bytes as f64 / f64::from(1 << 30));
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Returns the total size.
    pub fn of(self, present: u64) -> u64 {
        if self.added { present.saturating_add(self.bytes) } else { self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_growth() {
        let seen = |text: &str| Size::parse(text).map(|size| (size.added, size.bytes >> 20, size.gib()));
        assert_eq!(seen("8").expect("GiB"), (false, 8192, "8".into()));
        assert_eq!(seen("+1.5G").expect("growth"), (true, 1536, "1.5".into()));
        assert_eq!(seen("512M").expect("MiB"), (false, 512, "0.5".into()));
        assert_eq!(seen("2TiB").expect("TiB"), (false, 2 << 20, "2048".into()));
        for bad in ["", "+", "-1G", "0", "8X", "G", "1,5G", "inf"] {
            assert_eq!(seen(bad).expect_err(bad).exit_code(), 2);
        }
        assert_eq!(Size::parse("+1G").expect("growth").of(1 << 30), 2 << 30);
    }
}
