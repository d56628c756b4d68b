//! Lines that are written together.

/// Lines that are written together. A part that is written is never written again.
#[derive(Debug, Default)]
pub(super) struct LineBatch {
    pub(super) text: Vec<u8>,
    /// The end of each line.
    ends: Vec<usize>,
    /// Lines that are written.
    lines: usize,
    /// Bytes that are written.
    done: usize,
    /// Lines that no target takes, of those that are counted as written.
    dropped: usize,
}

impl LineBatch {
    /// Ends the line that was added to the text.
    pub(super) fn end_line(&mut self) {
        self.ends.push(self.text.len());
    }

    pub(super) fn written(&self) -> usize {
        self.lines
    }

    /// Passes over lines of that many bytes, which the target will never take.
    pub(super) fn drop_lines(&mut self, bytes: usize) {
        let before = self.lines;
        self.advance(bytes);
        self.dropped += self.lines - before;
    }

    /// Of the lines that are written, the target did not keep that many.
    pub(super) fn lost(&mut self, lines: usize) {
        self.dropped += lines;
    }

    /// How many lines were passed over or lost since this was asked last.
    pub(super) fn take_dropped(&mut self) -> usize {
        std::mem::take(&mut self.dropped)
    }

    /// The beginning of the line that is written next, or continued.
    pub(super) fn start(&self) -> usize {
        let before = self.lines.checked_sub(1);
        before
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn is_mid_line(&self) -> bool {
        self.done > self.start()
    }

    /// The rest of the line, and further lines if `room` is enough for all.
    pub(super) fn next(&self, room: usize) -> &[u8] {
        let ends = self.ends.get(self.lines..).unwrap_or_default();
        let fitting = ends.iter().take_while(|end| **end - self.done <= room);
        let end = fitting.last().or(ends.first()).copied();
        self.text
            .get(self.done..end.unwrap_or(self.done))
            .unwrap_or_default()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.done += bytes;
        while self
            .ends
            .get(self.lines)
            .is_some_and(|end| *end <= self.done)
        {
            self.lines += 1;
        }
    }

    /// Begins the line again, in another file.
    pub(super) fn rewind(&mut self) {
        self.done = self.start();
    }
}
