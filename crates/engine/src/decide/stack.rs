//! The stack that policies are evaluated on.
//!
//! Cedar gives up an expression where a thread's stack is too small for it, and skips the policy,
//! also one that forbids. The engine denies a question of which a policy fails; but it does not
//! let it come to that: it decides only where the stack is enough for every policy that can be
//! loaded.

use super::failure::Failure;

/// Bytes of stack that a thread has to have left where it decides: enough for expressions that are
/// nested [`crate::policy::MAX_DEPTH`] deep. A thread of 2 MiB, as tokio's are without settings,
/// has them.
pub const DECISION_STACK_BYTES: usize = 5 << 18;

/// Bytes of stack that a thread has to have left where it searches or explains.
pub const EXPLANATION_STACK_BYTES: usize = 4 << 20;

/// Bytes of stack to give to a thread that does any of this.
pub const WORKER_STACK_BYTES: usize = 8 << 20;

/// Makes sure that so much stack is left. Where a platform does not tell, nothing is refused, as
/// Cedar does.
///
/// # Errors
/// [`Failure::SmallStack`].
pub(crate) fn require_stack(bytes: usize) -> Result<(), Failure> {
    match stacker::remaining_stack() {
        Some(left) if left < bytes => Err(Failure::SmallStack { left, bytes }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(bytes);
            thread.spawn_scoped(scope, work).unwrap().join().unwrap()
        })
    }

    #[test]
    fn a_small_stack_is_refused_and_a_large_one_is_not() {
        let small = on_stack(DECISION_STACK_BYTES, || require_stack(DECISION_STACK_BYTES));
        assert!(matches!(small, Err(Failure::SmallStack { .. })));
        let default = on_stack(2 << 20, || require_stack(DECISION_STACK_BYTES));
        assert!(default.is_ok());
        let worker = on_stack(WORKER_STACK_BYTES, || {
            require_stack(EXPLANATION_STACK_BYTES)
        });
        assert!(worker.is_ok());
    }
}
