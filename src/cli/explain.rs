//! `explain`: decides one question from the command line, and explains the decision.

use super::args::AuthorizeArgs;
use super::authorize::answer;
use super::exit::Ended;

pub(super) fn run(args: &AuthorizeArgs) -> Ended {
    answer(args, true)
}
