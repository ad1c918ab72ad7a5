//! A sign of life for what takes longer than a moment; silent when nobody watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const TICK: Duration = Duration::from_millis(100);

/// A line that shows what is being done, gone when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins to show `what` on standard error if that is a terminal and the output is for people.
    pub fn start(output: Output, what: impl Into<String>) -> Self {
        let bar = match output {
            Output::Text => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            Output::Json => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
