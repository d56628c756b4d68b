//! A stack that is large enough to read policies.

/// Bytes of the stack on which texts are parsed and checked.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs a function on a thread whose stack is large enough to parse any text
/// that passes the scan. `None` where the thread cannot be started or panics.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("policy-load".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}
