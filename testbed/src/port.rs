//! Ports for servers that cannot be asked to pick one themselves.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

// Below the ephemeral ranges of Linux and macOS: nothing gets a port of ours by binding port 0 or
// by connecting somewhere between our look and the server's start.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;

/// A TCP port on 127.0.0.1 that nobody listens on.
pub fn free() -> Result<u16> {
    for _ in 0..64 {
        let random = RandomState::new().build_hasher().finish();
        let port = FIRST + u16::try_from(random % u64::from(COUNT))?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free port on 127.0.0.1 between {FIRST} and {}",
        FIRST + COUNT
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound_and_is_then_not_offered_again() {
        let port = free().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&port));
        assert!((0..200).all(|_| free().unwrap() != port));
    }
}
