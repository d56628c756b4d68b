//! Pages of a search, and the tokens that lead from one to the next.
//!
//! A token holds the last id of a page, which its reader has seen, and how long pages
//! are. It is bound to the search that it was made for, and only a sidecar that has
//! the key can make one.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::keyed_hash::{HASH_BYTES, KeyedHash};
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Malformed, Members, SearchResult};

/// Makes tokens and reads them.
pub struct Pages {
    key: KeyedHash,
}

/// The beginning and the length of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// The id that it follows.
    pub(super) after: Option<Arc<str>>,
    /// The most results that it has.
    pub(super) limit: usize,
}

/// The page that a request asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PageRequest<'a> {
    token: Option<&'a str>,
    limit: Option<usize>,
}

impl<'a> PageRequest<'a> {
    /// Reads `token` and `limit`.
    pub(super) fn read(members: &'a Members) -> Result<Self, Misfit> {
        let token = match members.get("token") {
            None | Some(Json::Null) => None,
            Some(Json::String(token)) => Some(token.as_str()),
            Some(_) => return Err(Misfit::new("a string is wanted").within("token")),
        };
        let limit = match members.get("limit") {
            None | Some(Json::Null) => None,
            Some(limit) => {
                let wanted = || Misfit::new("a whole number from 1 is wanted").within("limit");
                let number = limit
                    .as_i64()
                    .and_then(|number| usize::try_from(number).ok())
                    .filter(|number| *number > 0);
                Some(number.ok_or_else(wanted)?)
            }
        };
        Ok(Self { token, limit })
    }
}

impl Pages {
    /// Tokens by a key that other sidecars have too.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: KeyedHash::new(key),
        }
    }

    /// Tokens by a key of its own, which are good for as long as this program runs.
    ///
    /// # Errors
    /// A system without random numbers.
    pub fn random() -> std::io::Result<Self> {
        let key = KeyedHash::random().map_err(std::io::Error::other)?;
        Ok(Self { key })
    }

    /// The page that is asked for. `search` describes the search, `most` is the longest that
    /// any page may be.
    pub(super) fn read(
        &self,
        request: &PageRequest<'_>,
        search: &str,
        most: usize,
    ) -> Result<Page, Malformed> {
        let refused = |member: &str, problem: &str| Malformed {
            code: "PAGE_REFUSED",
            misfit: Misfit::new(problem).within(member),
        };
        let limit = request.limit.map(|limit| limit.min(most));
        // AuthZEN: the empty token is that of the first page.
        let Some(token) = request.token.filter(|token| !token.is_empty()) else {
            return Ok(Page {
                after: None,
                limit: limit.unwrap_or(most),
            });
        };
        let page = self
            .open(token, search)
            .ok_or_else(|| refused("token", "is none of this search, or of another program"))?;
        match limit {
            Some(limit) if limit != page.limit => Err(refused(
                "limit",
                "is another one than that of the page before; leave it out",
            )),
            _ => Ok(page),
        }
    }

    /// The token of the page behind one.
    pub(super) fn next(&self, page: &Page, found: &SearchResult, search: &str) -> String {
        // A page that may hold nothing leads to where it began.
        let after = found.last.as_ref().or(page.after.as_ref()).cloned();
        self.token(after, page.limit, search)
    }

    fn token(&self, after: Option<Arc<str>>, limit: usize, search: &str) -> String {
        let next = Page { after, limit };
        // A text and a number always have a JSON form.
        let mut token = serde_json::to_vec(&next).unwrap_or_default();
        let length = length(&token);
        let tag = self.key.hash(&[&length, &token, search.as_bytes()]);
        token.extend_from_slice(&tag);
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    fn open(&self, token: &str, search: &str) -> Option<Page> {
        let token = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (page, tag) = token.split_last_chunk::<HASH_BYTES>()?;
        let parts = [&length(page), page, search.as_bytes()];
        if !self.key.is_hash(tag, &parts) {
            return None;
        }
        serde_json::from_slice(page).ok()
    }
}

/// The length of a page, which stands before it in what is hashed: no byte of a page can count as
/// one of its search.
fn length(page: &[u8]) -> [u8; 8] {
    let length = u64::try_from(page.len()).unwrap_or(u64::MAX);
    length.to_be_bytes()
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(token: &str, limit: Option<usize>) -> PageRequest<'_> {
        PageRequest {
            token: Some(token),
            limit,
        }
    }

    const SEARCH: &str = "who may do this";

    #[test]
    fn a_token_leads_to_the_next_page() {
        let pages = Pages::new(b"key");
        let token = pages.token(Some("c".into()), 7, SEARCH);
        let next = pages.read(&request(&token, None), SEARCH, 100).unwrap();
        assert_eq!(
            next,
            Page {
                after: Some("c".into()),
                limit: 7
            }
        );
        assert_eq!(pages.read(&request(&token, Some(7)), SEARCH, 100), Ok(next));
    }

    #[test]
    fn a_token_of_another_search_key_or_length_is_refused() {
        let pages = Pages::new(b"key");
        let token = pages.token(Some("c".into()), 7, SEARCH);
        assert!(
            pages
                .read(&request(&token, None), "who may do that", 100)
                .is_err()
        );
        assert!(pages.read(&request(&token, Some(8)), SEARCH, 100).is_err());
        assert!(
            Pages::new(b"other")
                .read(&request(&token, None), SEARCH, 100)
                .is_err()
        );
        let random = Pages::random().unwrap();
        assert!(random.read(&request(&token, None), SEARCH, 100).is_err());
    }

    #[test]
    fn every_bit_of_a_token_counts() {
        let pages = Pages::new(b"key");
        let token = pages.token(Some("c".into()), 7, SEARCH);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        for place in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[place / 8] ^= 1 << (place % 8);
            let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
            assert!(pages.read(&request(&forged, None), SEARCH, 100).is_err());
        }
        for cut in [0, 1, HASH_BYTES - 1, HASH_BYTES, bytes.len() - 1] {
            let cut = BASE64_URL_SAFE_NO_PAD.encode(&bytes[..cut]);
            if !cut.is_empty() {
                assert!(pages.read(&request(&cut, None), SEARCH, 100).is_err());
            }
        }
    }

    #[test]
    fn what_moves_between_page_and_search_is_no_token() {
        let pages = Pages::new(b"key");
        let token = BASE64_URL_SAFE_NO_PAD
            .decode(pages.token(Some("c".into()), 7, SEARCH))
            .unwrap();
        let (body, tag) = token.split_last_chunk::<HASH_BYTES>().unwrap();
        let (shorter, moved) = body.split_at(body.len() - 1);
        let forged = [shorter, tag].concat();
        let search = format!("{}{SEARCH}", String::from_utf8(moved.to_vec()).unwrap());
        let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
        assert!(pages.read(&request(&forged, None), &search, 100).is_err());
    }
}
