//! Archives: what they hold and how large their content is.

use crate::demo::state::{State, Volume};

/// Bytes of the content: an archive tells it, or it follows from its size.
pub(super) fn data_size(volume: &Volume) -> u64 {
    let told = volume.extra.get("data").and_then(serde_json::Value::as_u64);
    let guess = if volume.format.ends_with("zst") || volume.format.ends_with("gz") || volume.format.ends_with("lzo") {
        volume.size * 2
    } else {
        volume.size
    };
    told.unwrap_or(guess) / 10_240 * 10_240
}

/// Whether a volume is on a Proxmox Backup Server.
pub(super) fn is_pbs(state: &State, volid: &str) -> bool {
    volid.split_once(':').and_then(|(id, _)| state.storages.get(id)).is_some_and(|storage| storage.kind() == "pbs")
}
