//! Declared commands (`src/nouns`): what holds for each of them, and a story per area.

mod generated;
mod guards;
mod pool;
