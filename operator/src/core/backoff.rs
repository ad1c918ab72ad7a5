//! Growing delays with jitter.

use std::time::Duration;

/// Delay before the next try after so many failures in a row: 1 s, doubling, at most 5 min, with up to a fifth
/// taken off. `jitter` is in 0..1 and comes from outside.
pub fn delay(failures: u32, jitter: f64) -> Duration {
    const CEILING: Duration = Duration::from_mins(5);
    let exponent = failures.saturating_sub(1).min(16);
    let full = Duration::from_secs(1)
        .saturating_mul(1 << exponent)
        .min(CEILING);
    full.mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0))
}

/// Failures in a row from which on what runs and fails again and again is called a crash loop.
pub const CRASH_LOOP: u32 = 3;

/// Whether something ran for long enough after so many failures that the next one starts anew.
pub fn settled(ran: Duration, failures: u32) -> bool {
    const AT_LEAST: Duration = Duration::from_secs(10);
    ran >= delay(failures, 0.0).saturating_mul(2).max(AT_LEAST)
}

#[cfg(test)]
mod tests {
    use super::{delay, settled};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn grows_and_ends() {
        assert_eq!(delay(1, 0.0), Duration::from_secs(1));
        assert_eq!(delay(4, 0.0), Duration::from_secs(8));
        assert_eq!(delay(u32::MAX, 0.0), Duration::from_mins(5));
    }

    #[test]
    fn what_failed_often_has_to_run_for_longer() {
        let seconds = Duration::from_secs;
        assert!(settled(seconds(10), 1) && !settled(seconds(9), 1));
        assert!(settled(seconds(16), 4) && !settled(seconds(15), 4));
        assert!(!settled(seconds(599), u32::MAX) && settled(seconds(600), u32::MAX));
    }

    proptest! {
        #[test]
        fn stays_between_its_bounds(failures in 0_u32..1000, jitter in 0.0_f64..1.0) {
            let delay = delay(failures, jitter);
            prop_assert!(delay >= Duration::from_millis(800) && delay <= Duration::from_mins(5));
        }
    }
}
