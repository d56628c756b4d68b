//! Lines in files, across rotations, renames and faults.

use std::fs::{read_to_string, rename, write as put};

use super::*;

fn batch(lines: &[&str]) -> Batch {
    let mut batch = Batch::default();
    for line in lines {
        batch.text.extend_from_slice(line.as_bytes());
        batch.text.push(b'\n');
        batch.end_line();
    }
    batch
}

#[test]
fn lines_are_appended_and_a_torn_one_ends_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    put(&path, "whole\ntor").unwrap();
    let mut file = LogFile::open(&path, 0, 1).unwrap();
    let mut two = batch(&["a", "b"]);
    file.write(&mut two).unwrap();
    assert_eq!(two.written(), 2);
    assert_eq!(read_to_string(&path).unwrap(), "whole\ntor\na\nb\n");
    // One that is whole already is not followed by an empty line.
    LogFile::open(&path, 0, 1).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "whole\ntor\na\nb\n");
    let mode = std::fs::metadata(directory.path().join("d.log"));
    assert!(mode.unwrap().is_file());
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    LogFile::open(&path, 0, 1).unwrap();
    let mode = std::fs::metadata(&path).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_is_given_up_before_it_is_too_long() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    let at = |ending: &str| read_to_string(format!("{}{ending}", path.display()));
    let mut file = LogFile::open(&path, 8, 2).unwrap();
    file.write(&mut batch(&["aaa", "bbb", "ccc", "dddddddddd", "e"]))
        .unwrap();
    // Two fit exactly; one that is too long for any file has one of its own.
    assert_eq!(at("").unwrap(), "e\n");
    assert_eq!(at(".1").unwrap(), "dddddddddd\n");
    assert_eq!(at(".2").unwrap(), "ccc\n");
    assert!(at(".3").is_err());
    file.write(&mut batch(&["fffff", "g"])).unwrap();
    assert_eq!(at("").unwrap(), "g\n");
    assert_eq!(at(".1").unwrap(), "e\nfffff\n");
    assert_eq!(at(".2").unwrap(), "dddddddddd\n");
    // What is there at the start counts.
    let mut file = LogFile::open(&path, 8, 2).unwrap();
    file.write(&mut batch(&["hhhhhh"])).unwrap();
    assert_eq!(at("").unwrap(), "hhhhhh\n");
    assert_eq!(at(".1").unwrap(), "g\n");
}

#[test]
fn a_file_that_was_renamed_emptied_or_removed_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    let moved = directory.path().join("moved.log");
    let mut file = LogFile::open(&path, 0, 1).unwrap();
    file.write(&mut batch(&["a"])).unwrap();
    rename(&path, &moved).unwrap();
    file.write(&mut batch(&["b"])).unwrap();
    assert_eq!(read_to_string(&moved).unwrap(), "a\n");
    assert_eq!(read_to_string(&path).unwrap(), "b\n");
    put(&path, "").unwrap();
    file.write(&mut batch(&["c"])).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "c\n");
    std::fs::remove_file(&path).unwrap();
    file.write(&mut batch(&["d"])).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "d\n");
}

/// A write that failed in the middle of a line goes on in the same file and begins anew in another.
#[test]
fn a_line_that_was_begun_is_ended_or_written_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    let begun = |file: &mut LogFile| {
        let mut three = batch(&["one", "two", "three"]);
        let open = file.open.as_mut().unwrap();
        let part = write(&open.file, b"one\ntw").unwrap();
        open.size += 6;
        three.advance(part);
        assert_eq!(three.written(), 1);
        three
    };
    let mut file = LogFile::open(&path, 0, 1).unwrap();
    let mut three = begun(&mut file);
    file.write(&mut three).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    let mut three = begun(&mut file);
    rename(&path, directory.path().join("moved.log")).unwrap();
    file.write(&mut three).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "two\nthree\n");
    assert_eq!(three.written(), 3);
}

#[test]
fn what_takes_nothing_is_a_fault_and_nothing_is_lost() {
    let mut file = LogFile::open(Path::new("/dev/full"), 4096, 1).unwrap();
    let mut one = batch(&["a"]);
    let error = file.write(&mut one).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(one.written(), 0);
    assert_eq!(one.next(usize::MAX), b"a\n");
}
