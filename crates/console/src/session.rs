//! Sessions: who is signed in, and by which credential.
//!
//! A session keeps the credential, and each request verifies it again: a key that is rotated, a token that has expired or
//! whose role is taken away ends it, or takes away the same here. The name of a session is in the browser's cookie, and its
//! hash in this memory alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::random::{hash, name};

/// All sessions of this program.
pub(crate) struct Sessions {
    all: Mutex<HashMap<[u8; 32], KeptSession>>,
    most: usize,
    idle: Duration,
    age: Duration,
}

struct KeptSession {
    session: Arc<Session>,
    began: Instant,
    seen: Instant,
}

/// Somebody who is signed in.
pub(crate) struct Session {
    /// The key or the token.
    pub(crate) shown: String,
    /// The id of the caller that it showed then.
    pub(crate) caller: String,
}

impl Sessions {
    pub(crate) fn new(most: usize, idle: Duration, age: Duration) -> Self {
        Self {
            all: Mutex::default(),
            most,
            idle,
            age,
        }
    }

    /// Begins one, and returns its name.
    ///
    /// # Errors
    /// A system without random numbers.
    pub(crate) fn begin(&self, shown: &str, caller: &str) -> Result<String, getrandom::Error> {
        let name = name()?;
        let now = Instant::now();
        let mut all = self.all();
        all.retain(|_, kept| self.lasts(kept, now));
        while all.len() >= self.most {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.seen);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else {
                break;
            };
            all.remove(&oldest);
        }
        let session = Session {
            shown: shown.to_owned(),
            caller: caller.to_owned(),
        };
        let kept = KeptSession {
            session: Arc::new(session),
            began: now,
            seen: now,
        };
        all.insert(hash(&name), kept);
        Ok(name)
    }

    /// The session of that name, if it lasts.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Session>> {
        let (hash, now) = (hash(name), Instant::now());
        let mut all = self.all();
        let kept = all.get_mut(&hash)?;
        if !self.lasts(kept, now) {
            all.remove(&hash);
            return None;
        }
        kept.seen = now;
        Some(Arc::clone(&kept.session))
    }

    pub(crate) fn end(&self, name: &str) {
        self.all().remove(&hash(name));
    }

    fn lasts(&self, kept: &KeptSession, now: Instant) -> bool {
        now.duration_since(kept.seen) < self.idle && now.duration_since(kept.began) < self.age
    }

    fn all(&self) -> MutexGuard<'_, HashMap<[u8; 32], KeptSession>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn there_are_no_more_than_may_be_and_the_silent_one_goes() {
        let sessions = Sessions::new(2, HOUR, HOUR);
        let first = sessions.begin("a", "key:a").unwrap();
        let second = sessions.begin("b", "key:b").unwrap();
        assert!(sessions.find(&first).is_some());
        let third = sessions.begin("c", "key:c").unwrap();
        assert!(sessions.find(&second).is_none());
        assert_eq!(sessions.find(&first).unwrap().caller, "key:a");
        assert_eq!(sessions.find(&third).unwrap().shown, "c");
        sessions.end(&first);
        assert!(sessions.find(&first).is_none());
        assert!(sessions.find("").is_none());
    }

    #[test]
    fn one_ends_by_its_age_and_by_silence() {
        for (idle, age) in [(Duration::ZERO, HOUR), (HOUR, Duration::ZERO)] {
            let sessions = Sessions::new(2, idle, age);
            let name = sessions.begin("a", "key:a").unwrap();
            assert!(sessions.find(&name).is_none());
            assert!(sessions.all().is_empty());
        }
    }
}
