//! Points in time on the wire.

use std::time::{Duration, SystemTime};

pub use pbjson_types::Timestamp;

/// A point in time as the wire has it. One before 1970 becomes its beginning.
pub fn timestamp(at: SystemTime) -> Timestamp {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: since.subsec_nanos().cast_signed(),
    }
}
