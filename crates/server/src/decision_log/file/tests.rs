//! Lines in files, across rotations, renames and faults.

use std::fs::{read_to_string, rename, write as put};

use super::*;

fn batch(lines: &[&str]) -> LineBatch {
    let mut batch = LineBatch::default();
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
    // Bytes that are there at the start count.
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

/// The files beside the log, as name and text.
fn kept(directory: &Path) -> Vec<(String, String)> {
    let mut kept: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("d.log") && path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, read_to_string(path).unwrap())
        })
        .collect();
    kept.sort();
    kept
}

fn three_kept(directory: &Path) -> Vec<(String, String)> {
    for number in 1..=3 {
        put(
            directory.join(format!("d.log.{number}")),
            format!("{number}\n"),
        )
        .unwrap();
    }
    kept(directory)
}

/// A file that is a mount cannot be renamed, those beside it can.
#[test]
fn a_file_that_cannot_be_renamed_costs_nothing_that_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    let before = three_kept(directory.path());
    let mut file = LogFile::open(&path, 8, 4).unwrap();
    static TRIED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    file.rename = |from, to| {
        if from.ends_with("d.log") {
            TRIED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Err(ErrorKind::ResourceBusy.into());
        }
        rename(from, to)
    };
    file.write(&mut batch(&["a"; 20])).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "a\n".repeat(20));
    assert_eq!(kept(directory.path()), before);
    // Of 40 bytes: at 8, 16, 24 and 32.
    assert_eq!(TRIED.load(std::sync::atomic::Ordering::Relaxed), 4);
    // As soon as it can be, it is given up, and begun anew after 8 bytes as before.
    file.rename = |from, to| rename(from, to);
    file.write(&mut batch(&["b"; 5])).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "b\n");
    let newest = "a\n".repeat(20);
    assert_eq!(
        kept(directory.path())[..2],
        [
            ("d.log.1".to_owned(), "b\n".repeat(4)),
            ("d.log.2".to_owned(), newest)
        ]
    );
}

#[test]
fn a_kept_file_that_cannot_be_moved_costs_none_either() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    let before = three_kept(directory.path());
    let mut file = LogFile::open(&path, 8, 3).unwrap();
    file.rename = |from, to| {
        if from.ends_with("d.log.1") {
            return Err(ErrorKind::ResourceBusy.into());
        }
        rename(from, to)
    };
    file.write(&mut batch(&["a"; 20])).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "a\n".repeat(20));
    // The oldest has gone, as in any rotation, and once.
    assert_eq!(
        kept(directory.path()),
        [
            before[0].clone(),
            ("d.log.3".to_owned(), before[1].1.clone())
        ]
    );
}

#[test]
fn a_rotation_that_was_cut_short_is_ended_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.log");
    three_kept(directory.path());
    put(directory.path().join("d.log.rotating"), "newest\n").unwrap();
    let mut file = LogFile::open(&path, 8, 4).unwrap();
    let wanted = ["newest\n", "1\n", "2\n", "3\n"];
    let texts = || {
        kept(directory.path())
            .into_iter()
            .map(|(_, text)| text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(), wanted);
    // A file of others is not overwritten, and nothing else moves.
    std::fs::create_dir(directory.path().join("d.log.rotating")).unwrap();
    file.write(&mut batch(&["a"; 20])).unwrap();
    assert_eq!(texts(), wanted);
    assert_eq!(read_to_string(&path).unwrap(), "a\n".repeat(20));
}

#[test]
fn behind_a_link_the_file_itself_is_rotated() {
    let directory = tempfile::tempdir().unwrap();
    let volume = directory.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    let link = directory.path().join("link.log");
    std::os::unix::fs::symlink(volume.join("d.log"), &link).unwrap();
    let mut file = LogFile::open(&link, 8, 4).unwrap();
    file.write(&mut batch(&["a"; 6])).unwrap();
    assert!(link.is_symlink());
    assert_eq!(read_to_string(&link).unwrap(), "a\na\n");
    assert_eq!(
        kept(&volume),
        [("d.log.1".to_owned(), "a\na\na\na\n".to_owned())]
    );
    assert!(!directory.path().join("link.log.1").exists());
}
