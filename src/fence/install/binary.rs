//! The helper's file: where it is looked for, and that it is the right one for the host.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Result};

/// A kind of machine that the helper is built for.
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

    pub fn word(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    fn elf(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Aarch64 => 183,
        }
    }
}

/// The helper, read and looked at.
#[derive(Debug)]
pub struct Helper {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// Where the helper for a machine is looked for: beside this program, and where packages put it.
pub fn places(machine: Machine) -> Vec<PathBuf> {
    let here = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)).unwrap_or_default();
    let named = format!("felhom-fence-{}", machine.word());
    let mut all = vec![here.join(&named)];
    for dir in [here.join("../libexec/felhom"), PathBuf::from("/usr/libexec/felhom"), PathBuf::from("/usr/local/libexec/felhom")] {
        all.push(dir.join(&named));
    }
    if machine.word() == std::env::consts::ARCH {
        all.push(here.join("felhom-fence"));
        all.push(here.join("../libexec/felhom/felhom-fence"));
        all.push(PathBuf::from("/usr/libexec/felhom/felhom-fence"));
    }
    all
}

/// The helper for a machine: the file that was named, or the first that is found.
pub fn find(named: Option<&Path>, machine: Machine) -> Result<Helper> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => places(machine).into_iter().find(|p| p.is_file()).ok_or_else(|| {
            let looked = places(machine).iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
            Fault::not_found(format!("there is no helper for {} here; looked for {looked}", machine.word()))
                .with_hint(format!("--helper FILE names it; it is built with --no-default-features --features fence --target {}-unknown-linux-gnu and crt-static", machine.word()))
        })?,
    };
    let bytes = fs::read(&path).map_err(|e| Fault::io(format!("read the helper {}", path.display()), &e))?;
    look(&bytes, machine).map_err(|why| Fault::other(format!("{} is not the helper for {}: {why}", path.display(), machine.word())))?;
    Ok(Helper { path, bytes })
}

/// A program for that machine that needs no library of the host.
fn look(bytes: &[u8], machine: Machine) -> std::result::Result<(), String> {
    let word =
        |at: usize, len: usize| -> Option<u64> { Some(bytes.get(at..at + len)?.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b))) };
    if bytes.get(..6) != Some(&[0x7f, b'E', b'L', b'F', 2, 1]) {
        return Err("it is no 64-bit program".into());
    }
    let elf = || -> Option<(u64, u64, u64, u64)> { Some((word(18, 2)?, word(32, 8)?, word(54, 2)?, word(56, 2)?)) };
    let (built_for, table, size, count) = elf().ok_or("it is cut off")?;
    if built_for != u64::from(machine.elf()) {
        return Err("it is built for another kind of machine".into());
    }
    for number in 0..count {
        let at = usize::try_from(table + number * size).map_err(|_| "it is damaged")?;
        // PT_INTERP: it asks for the host's dynamic loader, and so for its version of the C library.
        if word(at, 4) == Some(3) {
            return Err("it is not linked statically (build it with crt-static)".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16, segment: u32) -> Vec<u8> {
        let mut bytes = vec![0_u8; 120];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64..68].copy_from_slice(&segment.to_le_bytes());
        bytes
    }

    #[test]
    fn only_a_static_program_for_the_host_is_taken() {
        assert_eq!(look(&elf(62, 1), Machine::X86_64), Ok(()));
        assert!(look(&elf(62, 1), Machine::Aarch64).is_err_and(|e| e.contains("another kind")));
        assert!(look(&elf(62, 3), Machine::X86_64).is_err_and(|e| e.contains("statically")));
        assert!(look(b"#!/bin/sh\n", Machine::X86_64).is_err());
        assert!(look(&elf(62, 1)[..30], Machine::X86_64).is_err());
    }

    #[test]
    fn a_missing_helper_says_where_it_was_looked_for() {
        let fault = find(None, if cfg!(target_arch = "aarch64") { Machine::X86_64 } else { Machine::Aarch64 }).expect_err("there is none");
        assert!(fault.message.contains("/usr/libexec/felhom/felhom-fence-"), "{fault}");
    }
}
