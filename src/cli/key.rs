//! `key`: makes a static key for a caller.

use super::args::KeyArgs;
use super::exit::{Ended, Exit};
use super::input::read;
use super::output::{failed, misused, say};
use peppol_authz_server::identity::{MadeApiKey, hash_of_api_key};

pub(super) fn run(args: &KeyArgs) -> Ended {
    let Some(path) = &args.hash else {
        let made = MadeApiKey::random().map_err(|error| failed(format!("{error}")))?;
        say(format_args!("key   {}", made.key));
        say(format_args!("hash  {}", made.hash));
        return Ok(Exit::Done);
    };
    let text = read(path).map_err(misused)?;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    // A file that is no text has other characters than a key.
    let hash = hash_of_api_key(&String::from_utf8_lossy(text));
    let hash = hash.map_err(|error| misused(format!("`--hash`: `{}`: {error}", path.display())))?;
    say(format_args!("hash  {hash}"));
    Ok(Exit::Done)
}
