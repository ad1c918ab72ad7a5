//! Which Events are written, and when. What happens once is told at once. What happens again and again is counted and
//! told after growing pauses, so that neither a restless object nor a restless fleet floods the API server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Pause after a first Event on a topic.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_mins(5);
/// A topic that was quiet for so long begins anew. Longer than the longest pause.
const QUIET: Duration = Duration::from_mins(6);
/// Further notes on one topic that are told at once, as the steps of a rollout are.
const PROMPT: u32 = 8;
/// Topics remembered at a time.
const TOPICS: usize = 32 * 1024;

/// What an Event is about. Its note is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topic {
    /// API version of the object.
    pub api_version: String,
    /// Kind of the object.
    pub kind: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Uid of the object.
    pub uid: String,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// Why, in a word.
    pub reason: String,
    /// What was done or tried.
    pub action: String,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What it is about.
    pub topic: Topic,
    /// What happened, in words.
    pub note: String,
    /// Number of the Event: one that was written before is written again.
    pub event: u64,
    /// How often it has happened.
    pub count: i32,
    /// Whether the Event is there already.
    pub again: bool,
}

#[derive(Debug)]
struct Known {
    event: u64,
    written: String,
    count: i32,
    note: String,
    held: i32,
    prompt: u32,
    pause: Duration,
    next: Instant,
    seen: Instant,
}

/// Everything told lately.
#[derive(Debug, Default)]
pub struct Flow {
    known: HashMap<Topic, Known>,
    events: u64,
}

impl Flow {
    /// Something happened; says what to write now, if anything.
    pub fn happened(&mut self, topic: Topic, note: String, now: Instant) -> Option<Write> {
        if let Some(known) = self.known.get_mut(&topic) {
            known.seen = now;
            known.held = known.held.saturating_add(1);
            known.note = note;
            let news = known.note != known.written && known.prompt > 0;
            if news {
                known.prompt -= 1;
            }
            return (news || now >= known.next).then(|| known.tell(&topic, &mut self.events, now));
        }
        self.events += 1;
        let write = Write {
            topic: topic.clone(),
            note: note.clone(),
            event: self.events,
            count: 1,
            again: false,
        };
        if self.known.len() < TOPICS {
            let known = Known {
                event: self.events,
                written: note.clone(),
                count: 1,
                note,
                held: 0,
                prompt: PROMPT,
                pause: FIRST_PAUSE,
                next: now + FIRST_PAUSE,
                seen: now,
            };
            self.known.insert(topic, known);
        }
        Some(write)
    }

    /// What was held back and is due. Forgets what has been quiet.
    pub fn due(&mut self, now: Instant) -> Vec<Write> {
        let mut due = Vec::new();
        for (topic, known) in &mut self.known {
            if known.held > 0 && now >= known.next {
                due.push(known.tell(topic, &mut self.events, now));
            }
        }
        self.known
            .retain(|_, known| known.held > 0 || now.saturating_duration_since(known.seen) < QUIET);
        due
    }
}

impl Known {
    fn tell(&mut self, topic: &Topic, events: &mut u64, now: Instant) -> Write {
        let again = self.note == self.written;
        if again {
            self.count = self.count.saturating_add(self.held);
            self.pause = (self.pause * 2).min(LAST_PAUSE);
        } else {
            // The note of an Event cannot be changed: another note is another Event.
            *events += 1;
            self.event = *events;
            self.count = self.held;
            self.written.clone_from(&self.note);
            if self.prompt == 0 {
                self.pause = (self.pause * 2).min(LAST_PAUSE);
            }
        }
        self.held = 0;
        self.next = now + self.pause;
        Write {
            topic: topic.clone(),
            note: self.note.clone(),
            event: self.event,
            count: self.count,
            again,
        }
    }
}

/// At most so many writes: a burst, then a rate.
#[derive(Debug)]
pub struct Allowance {
    burst: f64,
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            burst: f64::from(burst),
            per_second: f64::from(per_second),
            left: f64::from(burst),
            at: now,
        }
    }

    /// Takes one; returns how long to wait before it may be used.
    pub fn take(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = passed.mul_add(self.per_second, self.left).min(self.burst) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.left / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic {
            name: name.into(),
            ..Topic::default()
        }
    }

    #[test]
    fn what_repeats_is_counted_and_told_after_growing_pauses() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        let first = flow.happened(topic("w"), "n".into(), start).unwrap();
        assert_eq!((first.count, first.again), (1, false));
        let mut writes = Vec::new();
        // An hour of one failure a second.
        for second in 1..=3600 {
            let now = start + Duration::from_secs(second);
            writes.extend(flow.happened(topic("w"), "n".into(), now));
            if second % 5 == 0 {
                writes.extend(flow.due(now));
            }
        }
        assert!(writes.len() < 20, "{} writes", writes.len());
        assert!(writes.iter().all(|w| w.again && w.event == first.event));
        assert_eq!(writes[0].count, 11);
        assert!(writes.is_sorted_by_key(|w| w.count));
    }

    #[test]
    fn other_notes_are_other_events_a_few_at_once_then_the_latest_now_and_then() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        let mut told = Vec::new();
        for step in 0..600 {
            let now = start + Duration::from_secs(step);
            told.extend(flow.happened(topic("w"), format!("step {step}"), now));
            told.extend(flow.due(now));
        }
        told.extend(flow.due(start + Duration::from_mins(20)));
        assert!(told.iter().all(|w| !w.again));
        let prompt = usize::try_from(PROMPT).unwrap() + 1;
        assert!(told[..prompt].iter().all(|w| w.count == 1));
        assert!(told.len() < prompt + 8, "{} writes", told.len());
        assert_eq!(told.last().unwrap().note, "step 599");
        let all: i32 = told.iter().map(|w| w.count).sum();
        assert_eq!(all, 600, "nothing that happened is forgotten");
    }

    #[test]
    fn a_topic_that_was_quiet_begins_anew_and_takes_no_room() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        for name in 0..100 {
            assert!(
                flow.happened(topic(&name.to_string()), "n".into(), start)
                    .is_some()
            );
        }
        assert!(flow.due(start + QUIET).is_empty());
        assert!(flow.known.is_empty());
        let again = flow
            .happened(topic("0"), "n".into(), start + QUIET)
            .unwrap();
        assert_eq!((again.again, again.event), (false, 101));
    }

    #[test]
    fn a_burst_then_a_rate() {
        let now = Instant::now();
        let mut allowance = Allowance::new(2, 10, now);
        let waits: Vec<u128> = (0..4).map(|_| allowance.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 100, 200]);
        let later = now + Duration::from_mins(1);
        assert_eq!(allowance.take(later), Duration::ZERO);
    }
}
