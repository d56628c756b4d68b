//! The text of a plan, whenever it is told: the time for which it may be used gets less meanwhile.

use std::time::Duration;

use peppol_authz_engine::Moment;
use peppol_authz_engine::text::duration;

/// The end of the text, behind that time.
const END: &str = "\"}";

/// The text of a plan.
#[derive(Debug)]
pub(super) struct PlanText {
    /// All before the time.
    text: String,
    until: Moment,
}

impl PlanText {
    /// Of JSON whose last member is the time, and empty; `None` for any other.
    pub(super) fn new(json: &str, until: Moment) -> Option<Self> {
        let text = json.strip_suffix(END)?.to_owned();
        Some(Self { text, until })
    }

    /// Its length without the time.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// How long the plan may be used from now on.
    pub(super) fn max_age(&self) -> Duration {
        self.until.left_at(Moment::now())
    }

    /// The text as it is now.
    pub(super) fn now(&self) -> String {
        let max_age = duration::format(self.max_age());
        format!("{}{max_age}{END}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_told_later_says_a_shorter_time() {
        let at = |until| PlanText::new("{\"a\":1,\"maxAge\":\"\"}", until).unwrap();
        let now = Moment::now();
        let over = at(now);
        assert_eq!(over.now(), "{\"a\":1,\"maxAge\":\"0s\"}");
        let text = at(now.plus(Duration::from_secs(1000)));
        assert!(text.max_age() <= Duration::from_secs(1000));
        let told = text.now();
        let told = told.strip_prefix("{\"a\":1,\"maxAge\":\"").unwrap();
        let told = duration::parse(told.strip_suffix("\"}").unwrap()).unwrap();
        assert!(Duration::from_secs(900) < told && told <= Duration::from_secs(1000));
    }
}
