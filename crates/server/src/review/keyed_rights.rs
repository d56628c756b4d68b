//! Rights by what they allow, in files: as many parts as it takes for one to fit into memory.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, BufWriter, Error, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::found_rights::Rights;
use super::right_line::RightKey;

/// Rights of a part, as a rule: a part takes 40 to 80 MB of memory.
const TOGETHER: u64 = 1 << 20;

/// The most parts: each is a file that is open.
const PARTS: u64 = 64;

/// Bytes that are read and written together.
const BUFFER: usize = 1 << 14;

/// Sets of obligations, by numbers. However many there are, and however long, each takes a look: an earlier review may
/// have any.
#[derive(Debug, Default)]
pub(super) struct ObligationSets {
    sets: Vec<Arc<BTreeSet<String>>>,
    numbers: HashMap<Arc<BTreeSet<String>>, u32>,
}

/// A right: by its key, the number of its obligations, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyedRight {
    pub(super) key: RightKey,
    pub(super) obligations: u32,
    pub(super) place: u64,
}

/// The rights of a review. A right is in the same part as the same right of another review with as many parts.
#[derive(Debug)]
pub(super) struct KeyedRights {
    /// Each with the number of its rights.
    parts: Vec<(BufWriter<File>, u64)>,
}

impl ObligationSets {
    fn number(&mut self, obligations: &[Cow<'_, str>]) -> u32 {
        let set: BTreeSet<String> = obligations.iter().map(|it| (**it).to_owned()).collect();
        if let Some(known) = self.numbers.get(&set) {
            return *known;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        let set = Arc::new(set);
        self.sets.push(Arc::clone(&set));
        self.numbers.insert(set, number);
        number
    }

    /// True if all of the others are among these.
    pub(super) fn covers(&self, these: u32, others: u32) -> bool {
        let set = |number: u32| self.sets.get(usize::try_from(number).ok()?);
        match (set(these), set(others)) {
            (Some(these), Some(others)) => these.is_superset(others),
            _ => false,
        }
    }
}

/// How many parts there have to be for so many rights.
pub(super) fn parts(rights: u64) -> u64 {
    rights.div_ceil(TOGETHER).clamp(1, PARTS)
}

impl KeyedRights {
    /// Those of a review, in so many parts.
    pub(super) fn of(
        rights: &Rights,
        parts: u64,
        sets: &mut ObligationSets,
    ) -> Result<Self, Error> {
        let new = |_| Ok((BufWriter::with_capacity(BUFFER, tempfile::tempfile()?), 0));
        let mut files = (0..parts).map(new).collect::<Result<Vec<_>, Error>>()?;
        let mut place = 0;
        rights.each(&mut |_, right| {
            let keyed = KeyedRight {
                key: right.key(),
                obligations: sets.number(&right.obligations),
                place,
            };
            place += 1;
            let part = usize::try_from(part_of(&keyed.key, parts)).ok();
            let file = part.and_then(|part| files.get_mut(part));
            let (file, count) = file.ok_or(ErrorKind::InvalidInput)?;
            *count += 1;
            keyed.write(file)
        })?;
        Ok(Self { parts: files })
    }

    /// Calls `each` with every right of a part.
    pub(super) fn each(
        &mut self,
        part: usize,
        each: &mut dyn FnMut(KeyedRight),
    ) -> Result<(), Error> {
        let part = self.parts.get_mut(part);
        let (file, count) = part.ok_or(ErrorKind::InvalidInput)?;
        file.flush()?;
        let mut file = file.get_ref();
        file.seek(SeekFrom::Start(0))?;
        let mut from = BufReader::with_capacity(BUFFER, file);
        for _ in 0..*count {
            each(KeyedRight::read(&mut from)?);
        }
        Ok(())
    }

    /// The rights of a part, by their keys.
    pub(super) fn part(&mut self, part: usize) -> Result<HashMap<RightKey, KeyedRight>, Error> {
        let mut found = HashMap::new();
        self.each(part, &mut |right| {
            found.insert(right.key, right);
        })?;
        Ok(found)
    }
}

/// The part that a key is in. Keys are hashes, so parts are as long as each other.
fn part_of(key: &RightKey, parts: u64) -> u64 {
    let [first, second, ..] = *key;
    u64::from(u16::from_be_bytes([first, second])) % parts
}

impl KeyedRight {
    fn write(&self, to: &mut impl Write) -> Result<(), Error> {
        to.write_all(&self.key)?;
        to.write_all(&self.obligations.to_le_bytes())?;
        to.write_all(&self.place.to_le_bytes())
    }

    fn read(from: &mut impl Read) -> Result<Self, Error> {
        let (mut key, mut obligations, mut place) = ([0; 24], [0; 4], [0; 8]);
        from.read_exact(&mut key)?;
        from.read_exact(&mut obligations)?;
        from.read_exact(&mut place)?;
        Ok(Self {
            key,
            obligations: u32::from_le_bytes(obligations),
            place: u64::from_le_bytes(place),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::found_rights::FoundRights;
    use super::*;

    fn rights(count: usize) -> Rights {
        let mut found = FoundRights::new().unwrap();
        for number in 0..count {
            let obligations = if number % 2 == 0 {
                "[]"
            } else {
                "[\"LOCK\",\"LOG\"]"
            };
            let line = format!(
                "{{\"principal\":\"User::\\\"{number}\\\"\",\"action\":\"\",\"context\":{{}},\"resource\":\"\",\
                 \"policies\":[],\"rules\":[],\"obligations\":{obligations},\"values\":[]}}"
            );
            found.add_line(&line).unwrap();
        }
        found.end().unwrap()
    }

    #[test]
    fn a_right_is_in_one_part_and_in_the_same_of_each_review() {
        let mut sets = ObligationSets::default();
        let mut some = KeyedRights::of(&rights(100), 3, &mut sets).unwrap();
        let mut more = KeyedRights::of(&rights(200), 3, &mut sets).unwrap();
        let mut places = Vec::new();
        for part in 0..3 {
            let known = more.part(part).unwrap();
            assert!(known.len() > 30, "{}", known.len());
            some.each(part, &mut |right| {
                assert_eq!(known.get(&right.key), Some(&right));
                places.push(right.place);
            })
            .unwrap();
        }
        places.sort_unstable();
        assert_eq!(places, (0..100).collect::<Vec<u64>>());
        assert!(some.each(3, &mut |_| {}).is_err());
    }

    #[test]
    fn obligations_are_sets() {
        let mut sets = ObligationSets::default();
        let none = sets.number(&[]);
        let one = sets.number(&["LOG".into()]);
        let two = sets.number(&["LOCK".into(), "LOG".into()]);
        assert_eq!(sets.number(&["LOG".into()]), one);
        assert_eq!(sets.number(&["LOG".into(), "LOCK".into()]), two);
        assert!(sets.covers(two, one) && sets.covers(one, none) && sets.covers(two, two));
        assert!(!sets.covers(one, two) && !sets.covers(none, one) && !sets.covers(one, 7));
    }

    #[test]
    fn parts_are_as_many_as_their_rights_take_but_for_too_many_files() {
        assert_eq!((parts(0), parts(TOGETHER), parts(TOGETHER + 1)), (1, 1, 2));
        assert_eq!(parts(u64::MAX), PARTS);
    }
}
