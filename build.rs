//! What differs between the program that is developed and tested and the one that is packaged.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(development)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found.split(',').any(|one| one == value));
    if !is("PROFILE", "debug") {
        return;
    }
    // Checks that are too slow for users and find mistakes in the tables.
    println!("cargo::rustc-cfg=development");
    // Each start of a relocatable program begins with the correction of 160,000 addresses: 4 of the 9 ms of `felhom -V`, and the tests
    // start it thousands of times. Packages stay relocatable.
    if is("CARGO_CFG_TARGET_OS", "linux") && !is("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
