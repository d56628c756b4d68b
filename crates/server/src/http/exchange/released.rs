//! An answer to a gateway that may leave.

/// An answer that may leave: the log has taken all decisions that it rests on, they are counted, and
/// the shadow was offered them. Only [`super::Exchange::release`] makes one.
pub(in crate::http) struct ReleasedAnswer<T>(T);

impl<T> ReleasedAnswer<T> {
    pub(super) fn new(answer: T) -> Self {
        Self(answer)
    }

    pub(in crate::http) fn into_inner(self) -> T {
        self.0
    }
}
