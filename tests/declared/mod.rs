//! Declared commands (`src/nouns`): what holds for each of them, and a story per area.

mod ceph;
mod checks;
mod generated;
mod guards;
mod node;
mod pool;
mod storage;
