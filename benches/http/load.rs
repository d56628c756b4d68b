//! A closed load: each connection asks again as soon as it is answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::process_cpu;

/// The answers of a load.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Microseconds of the server's processors for one request.
    pub(crate) cpu: f64,
}

/// Sends a request, and reads its answer to the end of the buffer; returns the length of the answer's body.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> usize {
    stream.write_all(request).unwrap();
    answer(stream, buffer)
}

/// One answer; returns its body's length.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    let mut chunk = [0; 65536];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        assert!(
            head.starts_with("http/1.1 200"),
            "{}",
            String::from_utf8_lossy(buffer)
        );
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let body = end + 4;
        match length {
            Some(length) if buffer.len() - body == length.parse::<usize>().unwrap() => {
                return buffer.len() - body;
            }
            Some(_) => {}
            None => {
                assert!(head.contains("transfer-encoding: chunked"), "{head}");
                if let Some(joined) = joined(&buffer[body..]) {
                    buffer.splice(body.., joined);
                    return buffer.len() - body;
                }
            }
        }
    }
}

/// The chunks of a body; `None` if they are not all there.
fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(chunks, b"\r\n")?;
        let length = std::str::from_utf8(&chunks[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        chunks = &chunks[end + 2..];
        if chunks.len() < length + 2 {
            return None;
        }
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunks[..length]);
        chunks = &chunks[length + 2..];
    }
}

/// Asks over so many connections for a time, from request `from` on; those that come after the last begin again.
pub(crate) fn load(
    (address, pid): (&str, u32),
    requests: &Arc<Vec<Vec<u8>>>,
    from: &Arc<AtomicUsize>,
    connections: usize,
    time: Duration,
) -> Load {
    timed(pid, time, |stop| {
        let threads: Vec<_> = (0..connections)
            .map(|_| {
                let (stop, requests, from) =
                    (Arc::clone(stop), Arc::clone(requests), Arc::clone(from));
                let mut stream = TcpStream::connect(address).unwrap();
                std::thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    let mut buffer = Vec::new();
                    let mut taken = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let n = from.fetch_add(1, Ordering::Relaxed) % requests.len();
                        let started = Instant::now();
                        exchange(&mut stream, &requests[n], &mut buffer);
                        taken.push(started.elapsed());
                    }
                    taken
                })
            })
            .collect();
        let threads = threads.into_iter();
        threads.flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Runs a load until it is told to stop, after a short one that does not count.
pub(crate) fn timed(
    pid: u32,
    time: Duration,
    run: impl Fn(&Arc<AtomicBool>) -> Vec<Duration>,
) -> Load {
    let once = |time: Duration| {
        let stop = Arc::new(AtomicBool::new(false));
        let stopper = Arc::clone(&stop);
        let timer = std::thread::spawn(move || {
            std::thread::sleep(time);
            stopper.store(true, Ordering::Relaxed);
        });
        let (cpu, started) = (process_cpu(pid), Instant::now());
        let taken = run(&stop);
        let elapsed = started.elapsed();
        timer.join().unwrap();
        (taken, elapsed, process_cpu(pid) - cpu)
    };
    once(time / 4);
    let (mut taken, elapsed, cpu) = once(time);
    taken.sort();
    Load {
        per_second: taken.len() as f64 / elapsed.as_secs_f64(),
        p50: taken[taken.len() / 2],
        p99: taken[taken.len() * 99 / 100],
        cpu: cpu * 1e6 / taken.len() as f64,
    }
}
