//! All output of xtask, on stderr: stdout is for what a program might read.

use std::io::{IsTerminal, Write};

/// Writes one line.
pub fn line(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Replaces the line that is being shown; silent when nobody watches.
pub fn progress(text: &str) {
    if watched() {
        let width = terminal_width();
        let shown: String = text.chars().take(width).collect();
        let _ = write!(std::io::stderr(), "\r\x1b[2K{shown}");
        let _ = std::io::stderr().flush();
    }
}

/// Takes the line of [`progress`] away.
pub fn clear_progress() {
    if watched() {
        let _ = write!(std::io::stderr(), "\r\x1b[2K");
    }
}

/// Whether a person watches.
pub fn watched() -> bool {
    std::io::stderr().is_terminal()
}

// A longer line would wrap and could not be replaced.
fn terminal_width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse::<usize>().ok())
        .unwrap_or(80)
        .max(20)
        - 1
}
