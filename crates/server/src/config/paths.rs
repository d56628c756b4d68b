//! A setting that is one path or an array of paths.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;

    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path or an array of paths")
        }

        fn visit_str<E: Error>(self, path: &str) -> Result<Vec<PathBuf>, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut paths: A) -> Result<Vec<PathBuf>, A::Error> {
            let mut all = Vec::new();
            while let Some(path) = paths.next_element()? {
                all.push(path);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(Paths)
}
