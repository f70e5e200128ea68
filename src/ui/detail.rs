//! Detail views: labelled lines in groups, with bars for usage on a terminal.

use super::{Cell, Tone, units};

/// A labelled line of a detail view.
#[derive(Debug, Clone)]
pub struct Detail {
    pub(super) label: String,
    pub(super) cell: Cell,
    /// The used share from 0 to 1, shown as a bar on a terminal.
    pub(super) share: Option<f64>,
    /// The state of a finding, in a column of its own.
    pub(super) mark: Option<(&'static str, Tone)>,
    /// Whether the line begins a group.
    pub(super) group: bool,
}

impl Detail {
    pub fn new(label: impl Into<String>, cell: Cell) -> Self {
        Self { label: label.into(), cell, share: None, mark: None, group: false }
    }

    /// Creates a line labelled with its JSON key: `created_at` becomes `Created`.
    pub fn of_key(key: &str, cell: Cell) -> Self {
        Self::new(label(key), cell)
    }

    /// Creates a usage line, `2 GiB of 4 GiB (50 %)`, from the known values.
    #[expect(clippy::cast_precision_loss, reason = "a share is shown in whole percent")]
    pub fn usage(label: impl Into<String>, used: Option<u64>, total: Option<u64>) -> Self {
        let total = total.filter(|total| *total > 0);
        let share = used.zip(total).map(|(used, total)| used as f64 / total as f64);
        let text = match (used, total) {
            (Some(used), Some(total)) => {
                let percent = share.unwrap_or_default() * 100.0;
                Cell::text(format!("{} of {} ({percent:.0} %)", units::bytes(used), units::bytes(total)))
            }
            (None, Some(total)) => Cell::Bytes(total),
            (Some(used), None) => Cell::text(format!("{} used", units::bytes(used))),
            (None, None) => Cell::Empty,
        };
        Self { share, ..Self::new(label, text) }
    }

    /// Puts a word between label and value, in the colour of its tone.
    #[must_use]
    pub fn marked(mut self, word: &'static str, tone: Tone) -> Self {
        self.mark = Some((word, tone));
        self
    }

    /// Begins a group, separated by an empty line.
    #[must_use]
    pub fn group(mut self) -> Self {
        self.group = true;
        self
    }

    /// Whether the line has no value.
    pub(super) fn is_empty(&self) -> bool {
        match &self.cell {
            Cell::Empty => true,
            Cell::List(items) => items.is_empty(),
            Cell::Text(text) | Cell::State(text, _) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// Characters in a bar.
const BAR: usize = 20;

/// Draws a bar for a share from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1, a bar short")]
pub(super) fn bar(share: f64) -> String {
    let filled = (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR - filled))
}

/// Returns a JSON key as a label: in words, without its unit.
fn label(key: &str) -> String {
    match key {
        "vmid" | "upid" | "id" | "cpu" | "ssh" => key.to_uppercase(),
        "cpus" => "CPUs".into(),
        "ca_file" => "CA file".into(),
        "ha_state" => "HA state".into(),
        "exitstatus" => "Exit status".into(),
        _ => {
            let bare = ["_bytes", "_s", "_at", "_percent", "_c"].iter().find_map(|unit| key.strip_suffix(unit)).unwrap_or(key);
            let words = bare.replace(['_', '-', '.'], " ");
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_labels() {
        for (key, wanted) in [
            ("memory_used_bytes", "Memory used"),
            ("uptime_s", "Uptime"),
            ("created_at", "Created"),
            ("vmid", "VMID"),
            ("protected_tags", "Protected tags"),
            ("next-run", "Next run"),
        ] {
            assert_eq!(label(key), wanted);
        }
    }

    #[test]
    fn usage_shows_what_is_known() {
        let shown = |used, total| Detail::usage("Memory", used, total).cell.shown();
        assert_eq!(shown(Some(2 << 30), Some(4 << 30)), "2 GiB of 4 GiB (50 %)");
        assert_eq!(shown(None, Some(4 << 30)), "4 GiB");
        assert_eq!(shown(Some(1 << 30), Some(0)), "1 GiB used");
        assert_eq!(shown(None, None), "-");
        assert_eq!(bar(0.5), "[##########..........]");
        assert_eq!(bar(7.0), "[####################]");
    }
}
