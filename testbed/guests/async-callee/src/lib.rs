//! Exports asynchronous functions for `async-caller`.

use std::sync::atomic::{AtomicU32, Ordering};

wasip3::wit_bindgen::generate!({
    world: "callee",
    path: "wit",
    runtime_path: "wasip3::wit_bindgen::rt",
});

struct Callee;

export!(Callee);

static CALLS: AtomicU32 = AtomicU32::new(0);

impl exports::test::waits::waits::Guest for Callee {
    async fn wait(milliseconds: u64) -> u32 {
        wasip3::clocks::monotonic_clock::wait_for(milliseconds * 1_000_000).await;
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn trap() {
        std::process::abort()
    }
}
