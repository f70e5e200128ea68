//! How far a task is, read from its log. The API has no number for it.

/// The percentage (0 to 100) that a line of a task's log tells, if any. `kind` is the task's type, e.g. `vzdump`.
pub fn percent(kind: &str, line: &str) -> Option<f64> {
    let line = line.trim();
    let found = match kind {
        // A hook script may print anything: only the backup's own line counts.
        "vzdump" => backup(line),
        "download" => download(line),
        _ => transferred(line).or_else(|| progress(line)),
    };
    found.filter(|p| p.is_finite() && *p >= 0.0).map(|p| p.min(100.0))
}

/// `INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: …`
fn backup(line: &str) -> Option<f64> {
    let (percent, rest) = line.strip_prefix("INFO:")?.trim_start().split_once('%')?;
    let (done, _) = rest.strip_prefix(" (")?.split_once(')')?;
    done.contains(" of ").then(|| number(percent)).flatten()
}

/// `mirror-scsi0: transferred 1.0 GiB of 10.0 GiB (10.00%) in 5s`; a live migration gives the sizes alone.
fn transferred(line: &str) -> Option<f64> {
    let (before, rest) = line.split_once("transferred ")?;
    let (done, rest) = rest.split_once(" of ")?;
    if let Some((_, percent)) = rest.split_once(" (") {
        return number(percent.split_once("%)")?.0);
    }
    if !before.trim_end().ends_with("migration active,") {
        return None;
    }
    let (done, total) = (size(done)?, size(rest.split_once(" VM-state")?.0)?);
    // A guest that writes while it moves sends more than it holds: it is not done before the task says so.
    (total > 0.0).then(|| (done / total * 100.0).min(99.0))
}

/// `progress 12% (read 1288490188 bytes, duration 3 sec)`
fn progress(line: &str) -> Option<f64> {
    let (percent, rest) = line.strip_prefix("progress ")?.split_once('%')?;
    rest.starts_with(" (read ").then(|| number(percent)).flatten()
}

/// `32768K ........ ........ ........ ........  5% 73.7M 8s`
fn download(line: &str) -> Option<f64> {
    let (size, rest) = line.split_once(' ')?;
    number(size.strip_suffix(['K', 'M', 'G'])?)?;
    let (dots, _) = rest.split_once('%')?;
    let (dots, percent) = dots.trim_end().rsplit_once(' ')?;
    dots.bytes().all(|b| matches!(b, b'.' | b',' | b' ')).then(|| number(percent)).flatten()
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

/// `1.2 GiB`, in bytes.
fn size(text: &str) -> Option<f64> {
    let (value, unit) = text.trim().split_once(' ')?;
    let power = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].iter().position(|u| *u == unit)?;
    Some(number(value)? * 1024_f64.powi(i32::try_from(power).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_known_pattern() {
        for (kind, line, expected) in [
            ("vzdump", "INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: 400.0 MiB/s, write: 380.0 MiB/s", Some(12.0)),
            ("vzdump", "INFO:   0% (68.2 MiB of 10.0 GiB) in 3s, read: 22.7 MiB/s, write: 20.1 MiB/s", Some(0.0)),
            ("vzdump", "INFO: 100% (10.0 GiB of 10.0 GiB) in 42s, read: 1.0 GiB/s, write: 0 B/s", Some(100.0)),
            ("qmclone", "transferred 1.0 GiB of 10.0 GiB (10.00%)", Some(10.0)),
            ("qmmove", "drive-scsi0: transferred 1.0 GiB of 32.0 GiB (3.12%) in 5s", Some(3.12)),
            ("qmmove", "mirror-scsi0: transferred 32.0 GiB of 32.0 GiB (100.00%) in 1m 5s, ready", Some(100.0)),
            ("qmrestore", "restore-drive-scsi0: transferred 512.0 MiB of 4.0 GiB (12.50%) in 9s", Some(12.5)),
            ("qmigrate", "2026-11-20 13:05:00 mirror-scsi0: transferred 2.0 GiB of 8.0 GiB (25.00%) in 4s", Some(25.0)),
            ("qmigrate", "2026-11-20 13:05:00 migration active, transferred 512.0 MiB of 4.0 GiB VM-state, 586.6 MiB/s", Some(12.5)),
            ("qmigrate", "2026-11-20 13:05:00 migration active, transferred 5.0 GiB of 4.0 GiB VM-state, 586.6 MiB/s", Some(99.0)),
            ("qmrestore", "progress 17% (read 1825361100 bytes, duration 3 sec)", Some(17.0)),
            ("qmrestore", "progress 4% (read 171835392 bytes, zeroes = 2% (4194304 bytes), duration 1 sec)", Some(4.0)),
            ("download", " 32768K ........ ........ ........ ........  5% 73.7M 8s", Some(5.0)),
        ] {
            assert_eq!(percent(kind, line), expected, "{line}");
        }
    }

    #[test]
    fn lines_that_tell_nothing() {
        for (kind, line) in [
            ("vzdump", "INFO: HOOK: 55% done"),
            ("vzdump", "INFO: 55% (of what)"),
            ("vzdump", "INFO: Total bytes written: 1288490188 (1.2GiB, 154MiB/s)"),
            ("vzdump", "INFO: root.pxar: had to backup 1.2 GiB of 10 GiB (compressed 400 MiB) in 12.5s"),
            ("vzdump", "INFO: final sync finished - transferred 0 bytes in 0s"),
            ("vzdump", "INFO: transferred 10.00 GiB in 42 seconds (243.8 MiB/s)"),
            ("vzdump", "transferred 1.0 GiB of 10.0 GiB (10.00%)"),
            ("vzrestore", "Total bytes read: 1288490188 (1.2GiB, 154MiB/s)"),
            ("qmigrate", "1234567890 bytes (1.2 GB, 1.1 GiB) copied, 5 s, 246 MB/s"),
            ("qmigrate", "2026-11-20 13:05:00 migration active, transferred 0.0 B of 0.0 B VM-state, 0.0 B/s"),
            ("qmigrate", "migration active, transferred 1.0 GiB of many VM-state"),
            ("qmclone", "transferred 1.0 GiB of 10.0 GiB (-3%)"),
            ("qmclone", "transferred 1.0 GiB of 10.0 GiB (NaN%)"),
            ("qmrestore", "progress report 12%"),
            ("download", "2026-11-20 13:05:00 (73.7 MB/s) - 'x.iso' saved [1/1] 5%"),
            ("vzstart", ""),
        ] {
            assert_eq!(percent(kind, line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn is_always_between_none_and_all(kind in "vzdump|qmclone|download", line in "(INFO: +|progress |x: transferred 1 GiB of 2 GiB \\(|1K \\.+ )?[0-9.]{0,30}%?( \\(1 of 2\\)| \\(read |\\)| x).{0,20}") {
            if let Some(p) = percent(&kind, &line) {
                prop_assert!((0.0..=100.0).contains(&p));
            }
        }

        #[test]
        fn any_text_is_survived(kind in "[a-z]{0,8}", line in any::<String>()) {
            let _ = percent(&kind, &line);
        }
    }
}
