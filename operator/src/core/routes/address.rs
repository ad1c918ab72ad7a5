//! Which addresses of a host a cluster can route to.

use std::net::IpAddr;

/// Whether other machines can reach an address; an API server refuses slices with others.
pub fn routable(address: IpAddr) -> bool {
    let special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    !special && !link_local
}

/// An address as a slice has to hold it: an IPv4 address that is written as IPv6 is an IPv4 address.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_server_refuses_is_not_routable() {
        for (address, expected) in [
            ("10.1.2.3", true),
            ("192.168.0.1", true),
            ("127.0.0.1", false),
            ("169.254.0.9", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("fd00::1", true),
            ("2001:db8::1", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("::ffff:10.0.0.1", true),
        ] {
            assert_eq!(
                routable(canonical(address.parse().unwrap())),
                expected,
                "{address}"
            );
        }
        assert!(canonical("::ffff:10.0.0.1".parse().unwrap()).is_ipv4());
    }
}
