//! Requests one after the other, cut wherever a packet may end.

use super::*;

/// A request: its head, its body as it is sent, and the length that hyper would tell of it.
type Sent<'a> = (&'a str, &'a str, Option<u64>);

const REQUESTS: [Sent<'_>; 8] = [
    ("GET /a HTTP/1.1\r\nhost: a\r\n\r\n", "", Some(0)),
    ("GET /b#x HTTP/1.1\r\nhost: a\r\n\r\n", "", Some(0)),
    (
        "\r\n\r\nPOST /c HTTP/1.1\nx: #\n\n",
        "ab\r\n\r\nGET /#",
        Some(12),
    ),
    ("P#ST /d HTTP/1.1\r\nhost: a\r\n\r\n", "", Some(0)),
    (
        "POST /e#?x HTTP/1.1\r\nx:\r\n\r\n",
        "3\r\nab#\r\nA ;b=c\r\nGET /# HTT\r\n000\r\n\r\n",
        None,
    ),
    (
        "POST /f HTTP/1.1\r\nx: y\n\r\n",
        "1;#\r\n\n\r\n0 \r\nx: #\r\ny: z\r\n\r\n",
        None,
    ),
    ("GET /g?# HTTP/1.1\nx\n\n", "", Some(0)),
    ("GET /h HTTP/1.1\r\n\r\n", "x", Some(1)),
];

/// Hands the bytes on in pieces, and returns the heads with what was found in them, as hyper would
/// see them.
fn seen(text: &[u8], cut: usize, lengths: &[Option<u64>]) -> Vec<(String, bool)> {
    let mut framing = Framing::new();
    let (mut head, mut found, mut lengths) = (Vec::new(), Vec::new(), lengths.iter());
    for piece in text.chunks(cut) {
        let mut rest = piece;
        while !rest.is_empty() {
            let is_body = matches!(framing.part, Part::Body(_) | Part::Chunks(_));
            let taken = framing.follow(rest).unwrap();
            assert!(taken > 0);
            if !is_body {
                head.extend_from_slice(&rest[..taken]);
            }
            rest = &rest[taken..];
            if framing.part == Part::Head {
                let has_fragment = framing.body_follows(*lengths.next().unwrap()).has_fragment;
                found.push((
                    String::from_utf8(std::mem::take(&mut head)).unwrap(),
                    has_fragment,
                ));
            }
        }
    }
    found
}

#[test]
fn the_line_of_each_request_is_seen_however_the_bytes_arrive() {
    let text: String = REQUESTS
        .map(|(head, body, _)| format!("{head}{body}"))
        .concat();
    let lengths = REQUESTS.map(|(_, _, length)| length);
    let fragments = [false, true, false, false, true, false, true, false];
    let expected: Vec<_> = REQUESTS
        .iter()
        .zip(fragments)
        .map(|((head, ..), has_fragment)| ((*head).to_owned(), has_fragment))
        .collect();
    for cut in 1..=text.len() {
        assert_eq!(seen(text.as_bytes(), cut, &lengths), expected, "{cut}");
    }
}

#[test]
fn what_has_not_the_form_of_chunks_is_refused() {
    for body in [
        "\r\n",
        "g\r\n",
        "-1\r\n",
        " 1\r\n",
        "1\n",
        "1 1\r\n",
        "1;a\nb\r\n",
        "1\r\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1\r\na\rb",
        "0\r\nx: y\rz",
        "0\r\n\rx",
        "10000000000000000\r\n",
    ] {
        let mut framing = Framing::new();
        framing.follow(b"POST / HTTP/1.1\r\n\r\n").unwrap();
        framing.body_follows(None);
        framing.follow(body.as_bytes()).unwrap_err();
    }
}

#[test]
fn nothing_is_handed_on_behind_a_head_that_was_not_read() {
    let mut framing = Framing::new();
    let text = b"GET / HTTP/1.1\r\n\r\nGET /";
    assert_eq!(framing.follow(text).unwrap(), text.len() - 5);
    framing.follow(b"GET /").unwrap_err();
}
