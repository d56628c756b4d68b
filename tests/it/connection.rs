//! A client that writes bytes as it likes: late, too much, or half of it.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::eventually::PATIENCE;
use crate::sidecar::{Reply, Sidecar};

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// One connection, over TCP or a Unix socket.
pub(crate) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

/// A request for one question, as text.
pub(crate) fn question(body: &str) -> String {
    let length = body.len();
    format!("{}content-length: {length}\r\n\r\n{body}", head())
}

/// The head of a question, up to what says how long the body is.
pub(crate) fn head() -> &'static str {
    "POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
}

/// One that is allowed over the tenancy of the examples.
pub(crate) const ALLOWED: &str = r#"{"principal": "Peppol::User::\"anna\"",
    "action": "Peppol::Action::\"getOrganisation\"", "resource": "Peppol::Organisation::\"acme\""}"#;

fn halves() -> (&'static str, &'static str) {
    ALLOWED.split_at(ALLOWED.len() / 2)
}

impl Connection {
    pub(crate) fn open(sidecar: &Sidecar) -> Self {
        Self::open_at(&sidecar.address)
    }

    /// To an address as `--listen` takes it.
    pub(crate) fn open_at(address: &str) -> Self {
        let stream: Box<dyn Stream> = match address.strip_prefix("unix:") {
            Some(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(stream)
            }
            None => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(stream)
            }
        };
        Self::buffered(stream)
    }

    /// Over a stream that is open.
    pub(crate) fn over(stream: impl Read + Write + Send + 'static) -> Self {
        Self::buffered(Box::new(stream))
    }

    fn buffered(stream: Box<dyn Stream>) -> Self {
        let stream = BufReader::new(stream);
        Self { stream }
    }

    /// One whose question is in hand: the head was read, and half of the body is there.
    pub(crate) fn half_asked(sidecar: &Sidecar) -> Self {
        let mut connection = Self::open(sidecar);
        let length = ALLOWED.len();
        let head = head();
        connection.write(format!(
            "{head}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        ));
        assert_eq!(connection.reply().status, 100);
        connection.write(halves().0);
        connection
    }

    /// The other half.
    pub(crate) fn write_rest(&mut self) {
        self.write(halves().1);
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Writes to one who may not listen any more; says whether it did.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Writes a request without a body.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
        self.reply()
    }

    /// Asks what is allowed, and expects to hear so.
    pub(crate) fn is_served(&mut self) {
        self.write(question(ALLOWED));
        let reply = self.reply();
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["decision"], Value::from("Allow"));
    }

    /// Reads one answer.
    pub(crate) fn reply(&mut self) -> Reply {
        self.reply_if_any()
            .expect("the connection was closed without an answer")
    }

    /// Reads one answer, or learns that the connection was closed.
    pub(crate) fn reply_if_any(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) if head.is_empty() => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status: status.parse().unwrap(),
            headers,
            text: String::new(),
        };
        let length = reply.header("content-length").unwrap_or("0").parse();
        let mut body = vec![0; length.unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        reply.text = String::from_utf8(body).unwrap();
        Some(reply)
    }

    /// Waits until the server has closed the connection, whatever it says before.
    pub(crate) fn ends(&mut self) {
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection is not closed: {error}"),
        }
    }

    /// Waits until the server has closed the connection without another word.
    pub(crate) fn is_closed(&mut self) {
        match self.stream.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("the connection is not closed: {other:?}"),
        }
    }
}
