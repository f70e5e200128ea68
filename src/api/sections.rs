//! Configuration files with sections of several types, each with options of its own: storages.

/// The options of each type: `type: name! name= name;`. `!` marks a required option, `=` one that cannot change later.
#[derive(Debug, Clone, Copy)]
pub struct Options(pub &'static str);

/// An option of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub name: &'static str,
    pub required: bool,
    pub fixed: bool,
}

impl Options {
    /// The options of a type; `None` for an unknown type.
    pub fn of(self, kind: &str) -> Option<Vec<Entry>> {
        let mut types = self.0.split(';').filter_map(|line| line.split_once(':'));
        let (_, names) = types.find(|(name, _)| name.trim() == kind)?;
        let entry =
            |word: &'static str| Entry { name: word.trim_end_matches(['!', '=']), required: word.contains('!'), fixed: word.contains('=') };
        Some(names.split_whitespace().map(entry).collect())
    }
}

/// The options of each type of storage.
pub const STORAGE: Options = Options(
    "dir: path!= content-dirs nodes shared disable prune-backups max-protected-backups content format mkdir \
create-base-path create-subdirs is_mountpoint bwlimit preallocation snapshot-as-volume-chain=; \
btrfs: path!= nodes shared disable prune-backups max-protected-backups content format is_mountpoint nocow mkdir \
create-base-path create-subdirs preallocation; \
nfs: path= server!= export!= content-dirs nodes disable prune-backups max-protected-backups options content format \
mkdir create-base-path create-subdirs bwlimit preallocation snapshot-as-volume-chain=; \
cifs: path= server!= share!= content-dirs subdir nodes disable prune-backups max-protected-backups content format \
username password domain smbversion mkdir create-base-path create-subdirs bwlimit preallocation options \
snapshot-as-volume-chain=; \
pbs: server!= datastore!= namespace port nodes disable content username password encryption-key master-pubkey \
prune-backups max-protected-backups fingerprint; \
lvm: vgname!= nodes shared disable saferemove saferemove-stepsize saferemove_throughput content base= tagged_only \
bwlimit snapshot-as-volume-chain; \
lvmthin: thinpool!= vgname!= nodes disable content bwlimit; \
zfspool: pool!= blocksize sparse nodes disable content bwlimit mountpoint; \
zfs: portal!= target!= pool!= blocksize!= iscsiprovider!= nodes disable nowritecache sparse comstar_hg comstar_tg \
lio_tpg content bwlimit zfs-base-path; \
iscsi: portal!= target!= nodes disable content bwlimit; \
iscsidirect: portal!= target!= nodes disable content bwlimit; \
rbd: nodes disable monhost pool data-pool namespace username content krbd keyring bwlimit; \
cephfs: path= content-dirs monhost nodes subdir disable options username content format mkdir create-base-path \
create-subdirs fuse bwlimit keyring prune-backups max-protected-backups fs-name; \
esxi: server! username! nodes shared disable content bwlimit password skip-cert-verification port",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schema;

    #[test]
    fn every_type_and_option_of_a_storage_is_in_the_schema() {
        let create = schema::method("POST", "/storage").unwrap();
        let types = &create.parameters.property("type").unwrap().choices;
        for kind in types {
            let entries = STORAGE.of(kind).unwrap_or_else(|| panic!("no options of type {kind}"));
            let unknown: Vec<_> = entries.iter().filter(|entry| create.parameters.property(entry.name).is_none()).collect();
            assert!(unknown.is_empty(), "{kind}: {unknown:?}");
        }
        let all: Vec<_> = types.iter().flat_map(|kind| STORAGE.of(kind).unwrap()).map(|entry| entry.name).collect();
        let missing: Vec<_> = create
            .parameters
            .names()
            .into_iter()
            .filter(|name| !["storage", "type", "authsupported"].contains(&name.as_str()) && !all.contains(&name.as_str()))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
