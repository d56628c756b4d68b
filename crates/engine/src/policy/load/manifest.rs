//! Holds policy files to the digests that lie beside them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::policy::directory::MANIFEST;
use crate::policy::fault::{Fault, Severity};
use crate::policy::source_file::SourceFile;
use crate::policy::sources::Sources;
use crate::text::{MARK, hex};

/// Advice on how to write a manifest.
const WRITE_ONE: &str = "`sha256sum *.cedar rules.toml > policies.sha256` writes such a file";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Checks that a manifest lists all policy files, the list of rules and the links, each as it is, and
/// nothing else. It is written by `sha256sum`: a digest, two characters, a name.
pub(super) fn check_manifest(sources: &Sources, faults: &mut Vec<Fault>) {
    let Some(manifest) = &sources.manifest else {
        if let Some(file) = sources.policies.first().filter(|_| sources.needs_manifest) {
            let name = Path::new(&file.name).with_file_name(MANIFEST);
            let text = format!("there is no `{}`, and one is demanded", name.display());
            faults.push(Fault::new(file, Severity::Invalid, text).advise(WRITE_ONE));
        }
        return;
    };
    let mut listed: BTreeMap<&str, ManifestLine<'_>> = BTreeMap::new();
    let fault = |line: &ManifestLine<'_>, text: String| {
        Fault::new(manifest, Severity::Invalid, text).at(line.start, line.len)
    };
    let mut start = 0;
    for text in manifest.text.split_inclusive('\n') {
        let content = text.trim_end_matches(['\n', '\r']);
        let line = ManifestLine {
            start,
            len: content.len(),
            digest: "",
        };
        start += text.len();
        match parts(content) {
            None => {
                let text = "this is no digest with a name".to_owned();
                faults.push(fault(&line, text).advise(WRITE_ONE));
            }
            Some((digest, name)) => {
                if listed
                    .insert(name, ManifestLine { digest, ..line })
                    .is_some()
                {
                    faults.push(fault(&line, format!("`{name}` is listed twice")));
                }
            }
        }
    }
    let files = sources.policies.iter().chain(&sources.rules);
    for file in files.chain(&sources.links) {
        let name = Path::new(&file.name).file_name().unwrap_or_default();
        match listed.remove(&*name.to_string_lossy()) {
            None => {
                let text = format!("`{}` is not listed in `{}`", file.name, manifest.name);
                faults.push(Fault::new(file, Severity::Invalid, text));
            }
            Some(line) if !is_digest(line.digest, file) => {
                let text = format!(
                    "`{}` is another text than `{}` says",
                    file.name, manifest.name
                );
                faults.push(Fault::new(file, Severity::Invalid, text));
            }
            Some(_) => {}
        }
    }
    for (name, line) in &listed {
        faults.push(fault(line, format!("there is no policy file `{name}`")));
    }
}

/// A line of a manifest: its place, and the digest in it.
#[derive(Clone, Copy)]
struct ManifestLine<'a> {
    start: usize,
    len: usize,
    digest: &'a str,
}

/// Digest and name of a line.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (digest, rest) = line.split_at_checked(2 * DIGEST)?;
    // Text or binary: there is no difference.
    let name = rest
        .strip_prefix("  ")
        .or_else(|| rest.strip_prefix(" *"))?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_digest = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_digest && !name.is_empty()).then_some((digest, name))
}

/// Returns true if a digest is that of the file. Its byte order mark is no part of its text, and lines may end
/// as on Windows in it.
fn is_digest(digest: &str, file: &SourceFile) -> bool {
    let windows = || Cow::Owned(file.text.replace('\n', "\r\n"));
    [Cow::Borrowed(&*file.text), windows()].iter().any(|text| {
        ["", MARK].into_iter().any(|mark| {
            let of = Sha256::new().chain_update(mark).chain_update(&**text);
            digest.eq_ignore_ascii_case(&hex(&of.finalize(), DIGEST))
        })
    })
}
