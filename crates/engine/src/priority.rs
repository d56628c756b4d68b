//! Work that no question waits for, and its share of the processor.

/// The steps of niceness: beside a busy thread of the usual priority, one with so many gets a tenth.
#[cfg(target_os = "linux")]
const STEPS: i32 = 10;

/// Lets questions go first where the processor is short: this thread, and those that it starts from now on, get a
/// tenth of what others get. Where the system refuses that, or has no such thing for a thread, all stays as it was.
pub fn behind_questions() {
    // Elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(STEPS);
}
