//! Replay of a real host's transcripts on the demo host.

mod cluster;
mod compare;
mod prepare;
mod record;
mod session;

use std::collections::BTreeMap;
use std::path::PathBuf;

use record::Record;
use session::Session;

/// Files by run. Each run starts from the baseline.
const RUNS: [&[&str]; 13] = [
    &["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17"],
    &["18"],
    &["19"],
    &["20"],
    &["21"],
    &["22"],
    &["23"],
    &["24"],
    &["25"],
    &["26"],
    &["27"],
    &["35"],
    cluster::RUN,
];

fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pve-transcripts");
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("FELHOM_REQUIRE_REAL").is_none(), "the transcripts are absent");
    None
}

/// Accepted differences by `file:line`, with their reasons.
fn accepted() -> BTreeMap<String, String> {
    let text = include_str!("accepted.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(' ').expect("an accepted difference has a reason")).map(|(at, why)| (at.into(), why.into())).collect()
}

/// Steps of a file: total, matching, and accepted as different.
#[derive(Default)]
struct Count {
    total: usize,
    matched: usize,
    excused: usize,
}

#[test]
fn the_demo_host_answers_as_a_real_host_did() {
    let Some(folder) = folder() else {
        eprintln!("skipped: the transcripts are not here");
        return;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let only = std::env::var("FELHOM_REPLAY").unwrap_or_default();
    let (mut counts, mut report) = (BTreeMap::<String, Count>::new(), Vec::new());
    let accepted = accepted();
    for run in RUNS {
        // A run is replayed if one of its files is selected.
        if !only.is_empty() && !run.iter().any(|file| only.split(',').any(|wanted| wanted == *file)) {
            continue;
        }
        let mut session = Session::start();
        session.prepare(run[0]);
        let two_nodes = run == cluster::RUN;
        for path in &files {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !run.contains(&&name[..2]) {
                continue;
            }
            for (index, line) in std::fs::read_to_string(path).unwrap().lines().enumerate() {
                let at = format!("{}:{}", &name[..2], index + 1);
                let record = Record::parse(line);
                if record.skipped {
                    continue;
                }
                session.unseen(&at);
                if two_nodes {
                    session.between(&at, &record.asked);
                }
                let differences = session.replay(&record);
                let count = counts.entry(name[..2].to_owned()).or_default();
                count.total += 1;
                match (differences.is_empty(), accepted.get(&at)) {
                    (true, None) => count.matched += 1,
                    (true, Some(_)) => {
                        count.matched += 1;
                        report.push(format!("{at} is accepted as different, and is not"));
                    }
                    (false, Some(_)) => count.excused += 1,
                    (false, None) if !only.is_empty() && !only.split(',').any(|file| at.starts_with(file)) => {}
                    (false, None) => {
                        report.push(format!("{at} {} {} as {:?}", record.method, record.path, record.who.as_deref().unwrap_or("")));
                        report.extend(differences.into_iter().map(|text| format!("      {text}")));
                    }
                }
            }
        }
    }
    eprintln!("{}", report.join("\n"));
    let mut short = Vec::new();
    for (file, Count { total, matched, excused }) in &counts {
        eprintln!("{file}: matched {matched} of {total} ({excused} accepted as different)");
        if matched * 100 < (total - excused) * 98 {
            short.push(file);
        }
    }
    assert!(short.is_empty(), "fewer than 98 % match in {short:?}");
}
