//! Exports plain functions and a resource for `caller`.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

wit_bindgen::generate!({ world: "callee", path: "wit" });

use exports::test::calls::{calls, counters};

struct Callee;

export!(Callee);

static CALLS: AtomicU32 = AtomicU32::new(0);
static ALIVE: AtomicU32 = AtomicU32::new(0);

impl calls::Guest for Callee {
    fn improve(item: calls::Item) -> Result<calls::Item, calls::Failure> {
        match item.name.as_str() {
            "" => Err(calls::Failure::Empty),
            "forbidden" => Err(calls::Failure::Refused(item.name)),
            name => Ok(calls::Item {
                name: name.to_uppercase(),
                size: Some(item.tags.len() as u64),
                tags: item.tags,
            }),
        }
    }

    fn environment() -> Vec<(String, String)> {
        std::env::vars().collect()
    }

    fn trap() {
        std::process::abort()
    }

    fn hoard() {
        let mut kept = Vec::new();
        loop {
            kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }

    fn spin() {
        let mut x = 0_u64;
        loop {
            x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(1));
        }
    }

    fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }
}

struct Counter(Cell<u32>);

impl Drop for Counter {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn of(value: u32) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(Cell::new(value))
    }
}

impl counters::Guest for Callee {
    type Counter = Counter;

    fn alive() -> u32 {
        ALIVE.load(Ordering::Relaxed)
    }
}

impl counters::GuestCounter for Counter {
    fn new(start: u32) -> Self {
        Self::of(start)
    }

    fn add(&self, by: u32) -> u32 {
        self.0.set(self.0.get() + by);
        self.0.get()
    }

    fn merge(a: counters::Counter, b: counters::CounterBorrow<'_>) -> counters::Counter {
        let sum = a.get::<Counter>().0.get() + b.get::<Counter>().0.get();
        counters::Counter::new(Self::of(sum))
    }
}
