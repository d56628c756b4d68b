//! The hash map of everything that is looked up in every question.

use std::collections::HashMap;

use foldhash::quality::RandomState;

/// A hash map with a random seed that is faster than the default one.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;
