//! What is not in this repository: the shared facts, and real tools.

use std::path::PathBuf;

/// A file or folder beside the repository. Absent, the test has nothing to do, unless `FELHOM_REQUIRE_REAL=1`.
#[track_caller]
pub fn need_shared(path: &str) -> Option<PathBuf> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    absent(&format!("../shared/{path}"));
    None
}

/// A program of the system, by its name.
#[track_caller]
pub fn need_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        absent(name);
    }
    found
}

#[track_caller]
fn absent(what: &str) {
    assert!(!std::env::var("FELHOM_REQUIRE_REAL").is_ok_and(|v| v == "1"), "{what} is not here, and FELHOM_REQUIRE_REAL=1 asks for it");
    eprintln!("skipped: {what} is not here");
}
