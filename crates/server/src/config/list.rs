//! A setting that is one value or an array of values.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// A value that a text gives.
pub(super) trait ListItem: for<'a> From<&'a str> + for<'de> Deserialize<'de> {
    /// The words for a setting of such values, behind "expected".
    const EXPECTED: &'static str;
}

impl ListItem for PathBuf {
    const EXPECTED: &'static str = "a path or an array of paths";
}

impl ListItem for String {
    const EXPECTED: &'static str = "a string or an array of strings";
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, T: ListItem>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct ListVisitor<T>(PhantomData<T>);

    impl<'de, T: ListItem> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
            Ok(vec![T::from(text)])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(item) = items.next_element()? {
                all.push(item);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(ListVisitor(PhantomData))
}
