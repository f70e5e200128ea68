//! The helper's binary: where to find it, and whether it is built for the host's architecture.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Result};

/// A CPU architecture that the helper is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    pub fn of_uname(text: &str) -> Option<Self> {
        match text {
            "x86_64" => Some(Self::X86_64),
            "aarch64" | "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Returns a hint with the build command for a static helper, which needs no libraries on the host.
    pub fn static_build(self) -> String {
        let target = format!("{}-unknown-linux-gnu", self.as_str());
        format!(
            "build a static helper with `RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --no-default-features --features fence \
             --bin felhom-fence --target {target}` and pass it with --helper target/{target}/release/felhom-fence"
        )
    }

    fn elf(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Aarch64 => 183,
        }
    }
}

/// The helper's binary for the host's architecture.
#[derive(Debug)]
pub struct Helper {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// Returns where to look for the helper: next to felhom, and where packages install it.
pub fn search_paths(machine: Machine) -> Vec<PathBuf> {
    let here = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)).unwrap_or_default();
    let named = format!("felhom-fence-{}", machine.as_str());
    let mut all = vec![here.join(&named)];
    for dir in [here.join("../libexec/felhom"), PathBuf::from("/usr/libexec/felhom"), PathBuf::from("/usr/local/libexec/felhom")] {
        all.push(dir.join(&named));
    }
    if machine.as_str() == std::env::consts::ARCH {
        all.push(here.join("felhom-fence"));
        all.push(here.join("../libexec/felhom/felhom-fence"));
        all.push(PathBuf::from("/usr/libexec/felhom/felhom-fence"));
    }
    all
}

/// Reads the helper for an architecture: the given file, or the first one that exists.
pub fn find(named: Option<&Path>, machine: Machine) -> Result<Helper> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => search_paths(machine).into_iter().find(|p| p.is_file()).ok_or_else(|| {
            let looked = search_paths(machine).iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
            Fault::not_found(format!("no helper for {} found; searched {looked}", machine.as_str())).with_hint(machine.static_build())
        })?,
    };
    let bytes = fs::read(&path).map_err(|e| Fault::io(format!("read the helper {}", path.display()), &e))?;
    check(&bytes, machine).map_err(|why| {
        Fault::other(format!("{} is not a helper for {}: {why}", path.display(), machine.as_str())).with_hint(machine.static_build())
    })?;
    Ok(Helper { path, bytes })
}

/// Checks that the file is a program for the architecture. Only the host can tell whether its libraries exist.
fn check(bytes: &[u8], machine: Machine) -> std::result::Result<(), &'static str> {
    if bytes.get(..6) != Some(&[0x7f, b'E', b'L', b'F', 2, 1]) {
        return Err("not a 64-bit Linux program");
    }
    match bytes.get(18..20) {
        None => Err("file is incomplete"),
        Some(word) if u16::from_le_bytes([word[0], word[1]]) == machine.elf() => Ok(()),
        Some(_) => Err("built for another architecture"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_program_for_the_architecture_is_accepted() {
        let mut bytes = vec![0_u8; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        bytes[18..20].copy_from_slice(&62_u16.to_le_bytes());
        assert_eq!(check(&bytes, Machine::X86_64), Ok(()));
        assert!(check(&bytes, Machine::Aarch64).is_err_and(|e| e.contains("another architecture")));
        assert!(check(b"#!/bin/sh\n", Machine::X86_64).is_err() && check(&bytes[..10], Machine::X86_64).is_err());
    }

    #[test]
    fn a_missing_helper_lists_the_paths_and_the_build_target() {
        let other = if cfg!(target_arch = "aarch64") { Machine::X86_64 } else { Machine::Aarch64 };
        let fault = find(None, other).expect_err("there is none");
        assert!(fault.message.contains("/usr/libexec/felhom/felhom-fence-"), "{fault}");
        assert!(fault.hint().contains(&format!("--target {}-unknown-linux-gnu", other.as_str())), "{fault}");
    }
}
