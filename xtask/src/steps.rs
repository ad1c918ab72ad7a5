//! Steps with a tick, their time, and a summary.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::say;

/// Steps that were done, in order.
#[derive(Debug)]
pub struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Does one step. Its failure names it.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        say::progress(&format!("  … {name}"));
        let began = Instant::now();
        let result = work();
        say::clear_progress();
        let took = began.elapsed();
        match result {
            Ok(value) => {
                say::line(&format!("  ✔ {name}  {}", seconds(took)));
                self.done.push((name.to_owned(), took));
                Ok(value)
            }
            Err(error) => {
                say::line(&format!("  ✘ {name}  {}", seconds(took)));
                Err(Error(format!("step \"{name}\" failed: {error}")))
            }
        }
    }

    /// As [`Steps::step`], for work that prints much: the name comes first too.
    pub fn loud<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        say::line(&format!("  … {name}"));
        self.step(name, work)
    }

    /// All steps with their times.
    pub fn summary(&self, title: &str) {
        say::line(&format!("\n{title}"));
        for (name, took) in &self.done {
            say::line(&format!("  ✔ {:<44} {:>9}", name, seconds(*took)));
        }
        say::line(&format!(
            "  {:<46} {:>9}",
            "in all",
            seconds(self.started.elapsed())
        ));
    }
}

/// A duration as people read it: `0.35 s`, `12.1 s`, `3 min 20 s`.
pub fn seconds(duration: Duration) -> String {
    let all = duration.as_secs();
    if all >= 60 {
        format!("{} min {:02} s", all / 60, all % 60)
    } else if all >= 10 {
        format!("{:.1} s", duration.as_secs_f32())
    } else {
        format!("{:.2} s", duration.as_secs_f32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(347)), "0.35 s");
        assert_eq!(seconds(Duration::from_millis(12_060)), "12.1 s");
        assert_eq!(seconds(Duration::from_secs(200)), "3 min 20 s");
    }
}
