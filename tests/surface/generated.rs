//! What is checked in and made from the commands: `completions/` and `man/`. `FELHOM_GENERATE=1` writes it, without it is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{completions, man};

#[test]
fn the_completions_are_fresh() {
    settle("completions", completions::files());
}

#[test]
fn the_manual_is_fresh() {
    settle("man", man::pages());
}

fn settle(folder: &str, wanted: Vec<(String, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let wanted: BTreeMap<String, Vec<u8>> = wanted.into_iter().collect();
    let names = || -> BTreeSet<String> {
        let there = fs::read_dir(&folder).into_iter().flatten();
        there.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    if std::env::var("FELHOM_GENERATE").is_ok_and(|v| v == "1") {
        fs::create_dir_all(&folder).unwrap();
        for name in names().iter().filter(|name| !wanted.contains_key(*name)) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in &wanted {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let stale: Vec<&String> =
        wanted.iter().filter(|(name, text)| fs::read(folder.join(name)).ok().as_ref() != Some(text)).map(|(name, _)| name).collect();
    let left: Vec<String> = names().into_iter().filter(|name| !wanted.contains_key(name)).collect();
    assert!(
        stale.is_empty() && left.is_empty(),
        "{}: stale {stale:?}, left over {left:?}\n`FELHOM_GENERATE=1 cargo test --test all surface` makes them anew",
        folder.display()
    );
}
