//! How far a measurement is, for who waits for it.

use std::io::{IsTerminal, Write};

/// One line on standard error that says how far it is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    len: usize,
}

impl Progress {
    /// Only where somebody looks on: in a log it would be noise.
    pub(super) fn say(&mut self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            // Over the line before. Who cannot be told does not mind.
            let _ = write!(stderr, "\r{text:<width$}", width = self.len);
            let _ = stderr.flush();
            self.len = text.len();
        }
    }
}

impl Drop for Progress {
    /// Leaves an empty line to whatever is said next, be it the result or an error.
    fn drop(&mut self) {
        self.say("");
        let mut stderr = std::io::stderr().lock();
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r");
        }
    }
}
