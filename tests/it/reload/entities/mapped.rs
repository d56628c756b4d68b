//! A file that is written through a map of it into memory: the file system tells little of that.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::{ENTITIES, anna, verdict, with_entities};
use crate::eventually::until;

/// Keeps a map of a file, and writes a letter into it for each line that it gets.
const WRITER: &str = r"
import mmap, sys
file = open(sys.argv[1], 'r+b')
map = mmap.mmap(file.fileno(), 0)
place = int(sys.argv[2])
for line in sys.stdin:
    map[place:place + 1] = line[:1].encode()
    print('written', flush=True)
";

struct MapWriter {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl MapWriter {
    fn start(file: &Path, place: usize) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", WRITER])
            .arg(file)
            .arg(place.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn write(&mut self, letter: &str) {
        writeln!(self.input, "{letter}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line, "written\n");
    }
}

impl Drop for MapWriter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the times of the file are so old that another write would show in them.
fn at_rest(file: &Path) {
    until("it is at rest", || {
        let found = std::fs::metadata(file).unwrap();
        let seconds = u64::try_from(found.ctime()).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds + 1);
        let age = SystemTime::now().duration_since(changed);
        age.is_ok_and(|age| age > Duration::from_secs(3))
    });
}

#[test]
fn what_is_written_through_a_map_is_seen() {
    let start = with_entities(ENTITIES).variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms");
    let file = start.path("entities.json");
    let place = ENTITIES.find("\"id\": \"anna\"}, \"parents\"").unwrap() + "\"id\": \"ann".len();
    let mut writer = MapWriter::start(&file, place);
    let sidecar = start.start();
    assert_eq!(verdict(&sidecar).0, "Allow");
    for _ in 0..2 {
        // The page stays in memory, dirty: of the later writes no time of the file tells.
        writer.write("o");
        until("she is gone", || verdict(&sidecar).0 == "Deny");
        at_rest(&file);
        writer.write("a");
        until("she is back", || verdict(&sidecar).0 == "Allow");
        at_rest(&file);
    }
}

/// A demand for the newest state is never answered from before, though no time of the file tells of it.
#[test]
fn a_demand_sees_what_is_written_through_a_map_at_once() {
    let start = with_entities(ENTITIES)
        .variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h");
    let file = start.path("entities.json");
    let place = ENTITIES.find("\"id\": \"anna\"}, \"parents\"").unwrap() + "\"id\": \"ann".len();
    let mut writer = MapWriter::start(&file, place);
    // The page is dirty from here on.
    writer.write("a");
    at_rest(&file);
    let sidecar = start.start();
    let mut demanding = anna();
    demanding["maxAge"] = "0s".into();
    assert_eq!(sidecar.ask(&demanding)["decision"], "Allow");
    for _ in 0..3 {
        writer.write("o");
        let reply = sidecar.post("/v1/is_authorized", &demanding);
        assert_eq!(reply.status, 503, "{}", reply.text);
        writer.write("a");
        assert_eq!(sidecar.ask(&demanding)["decision"], "Allow");
    }
}
