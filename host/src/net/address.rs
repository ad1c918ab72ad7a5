//! Which addresses guests may reach. Asked for every address at connect, after name resolution: a name
//! proves nothing about where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range that is not the public internet. Sources: RFC 6890 and the IANA special-purpose registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    /// 127/8, ::1.
    Loopback,
    /// 10/8, 172.16/12, 192.168/16, 100.64/10 (carrier-grade NAT), fc00::/7.
    Private,
    /// 169.254/16, fe80::/10.
    LinkLocal,
    /// Where clouds serve credentials: 169.254.169.254, fd00:ec2::254 and their like.
    Metadata,
    /// 0/8, ::.
    Unspecified,
    /// 224/4, ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// Written in books, routed nowhere.
    Documentation,
    /// 240/4, benchmarking, protocol assignments, discard-only and site-local prefixes.
    Reserved,
}

impl Range {
    /// The range in words, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        }
    }

    /// The range of `address`, `None` for the public internet. IPv6 forms that carry an IPv4 address
    /// (mapped, compatible, NAT64, 6to4) have the range of what they carry.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match carried_v4(address) {
                Some(carried) => of_v4(carried),
                None => of_v6(address),
            },
        }
    }
}

/// Metadata services: AWS, Azure, GCP, OpenStack; AWS ECS tasks; Alibaba; Oracle.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The platform channel of Azure's virtual machines lies in public space.
const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// AWS and GCP.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254),
];

fn of_v4(address: Ipv4Addr) -> Option<Range> {
    if METADATA_V4.contains(&address) || address == AZURE_WIRE_SERVER {
        return Some(Range::Metadata);
    }
    match address.octets() {
        [0, ..] => Some(Range::Unspecified),
        [127, ..] => Some(Range::Loopback),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => {
            Some(Range::Private)
        }
        [169, 254, ..] => Some(Range::LinkLocal),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Range::Documentation),
        [255, 255, 255, 255] => Some(Range::Broadcast),
        [224..=239, ..] => Some(Range::Multicast),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => {
            Some(Range::Reserved)
        }
        _ => None,
    }
}

fn of_v6(address: Ipv6Addr) -> Option<Range> {
    if METADATA_V6.contains(&address) {
        return Some(Range::Metadata);
    }
    if address.is_unspecified() {
        return Some(Range::Unspecified);
    }
    if address.is_loopback() {
        return Some(Range::Loopback);
    }
    match address.segments() {
        [0xff00..=0xffff, ..] => Some(Range::Multicast),
        [0xfe80..=0xfebf, ..] => Some(Range::LinkLocal),
        [0xfc00..=0xfdff, ..] => Some(Range::Private),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Range::Documentation),
        // Teredo, ORCHID, benchmarking and other assignments; 100::/64 discard-only; fec0::/10 site-local;
        // 64:ff9b:1::/48 local NAT64; 5f00::/16 segment routing.
        [0x2001, 0..=0x01ff, ..]
        | [0x0100, 0, 0, ..]
        | [0xfec0..=0xfeff | 0x5f00, ..]
        | [0x0064, 0xff9b, 1, ..] => Some(Range::Reserved),
        // Only 2000::/3 is global unicast.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Range::Reserved),
    }
}

/// The IPv4 address that an IPv6 address reaches in the end.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // Mapped, NAT64, translated (SIIT) and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        // Compatible, deprecated; `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(from(high, low)),
        _ => None,
    }
}

/// What the operator of a host lets guests reach, beyond what their own lists allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    /// The host's own loopback. Off: sidecars and admin ports listen there.
    pub allow_loopback: bool,
    /// Private ranges also where a component's list does not name the very address.
    pub allow_private: bool,
    /// Private ranges not even where it does.
    pub deny_private: bool,
}

impl AddressPolicy {
    /// Whether `address` may be dialled. `listed`: the component's list names this very address. The error
    /// is the range that forbids it.
    pub fn check(&self, address: IpAddr, listed: bool) -> Result<(), Range> {
        match Range::of(address) {
            None => Ok(()),
            Some(Range::Loopback) if self.allow_loopback => Ok(()),
            Some(Range::Private) if !self.deny_private && (self.allow_private || listed) => Ok(()),
            Some(range) => Err(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> Option<Range> {
        Range::of(text.parse().unwrap())
    }

    #[test]
    fn each_special_range_has_its_name() {
        for (range_, addresses) in [
            (
                Range::Loopback,
                &[
                    "127.0.0.1",
                    "127.255.0.1",
                    "::1",
                    "::ffff:127.0.0.1",
                    "64:ff9b::7f00:1",
                ][..],
            ),
            (
                Range::Private,
                &[
                    "10.0.0.1",
                    "172.31.0.1",
                    "192.168.1.1",
                    "100.64.0.1",
                    "fd12::1",
                    "::ffff:10.0.0.1",
                ],
            ),
            (
                Range::LinkLocal,
                &["169.254.0.1", "fe80::1", "2002:a9fe:1::1"],
            ),
            (
                Range::Metadata,
                &[
                    "169.254.169.254",
                    "fd00:ec2::254",
                    "::ffff:169.254.169.254",
                    "64:ff9b::a9fe:a9fe",
                    "168.63.129.16",
                ],
            ),
            (Range::Unspecified, &["0.0.0.0", "0.1.2.3", "::"]),
            (Range::Multicast, &["224.0.0.1", "ff02::1"]),
            (Range::Broadcast, &["255.255.255.255"]),
            (
                Range::Documentation,
                &[
                    "192.0.2.1",
                    "198.51.100.1",
                    "203.0.113.1",
                    "2001:db8::1",
                    "3fff::1",
                ],
            ),
            (
                Range::Reserved,
                &[
                    "240.0.0.1",
                    "198.18.0.1",
                    "2001::1",
                    "100::1",
                    "fec0::1",
                    "4000::1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(range(address), Some(range_), "{address}");
            }
        }
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert_eq!(range(public), None, "{public}");
        }
    }

    #[test]
    fn consent_opens_private_ranges_and_nothing_opens_metadata() {
        let (default, private) = (AddressPolicy::default(), "10.0.0.1".parse().unwrap());
        assert_eq!(default.check(private, false), Err(Range::Private));
        assert_eq!(default.check(private, true), Ok(()));
        let open = AddressPolicy {
            allow_loopback: true,
            allow_private: true,
            deny_private: false,
        };
        assert_eq!(open.check("127.0.0.1".parse().unwrap(), false), Ok(()));
        assert_eq!(open.check(private, false), Ok(()));
        assert_eq!(
            open.check("169.254.169.254".parse().unwrap(), true),
            Err(Range::Metadata)
        );
        let closed = AddressPolicy {
            deny_private: true,
            ..default
        };
        assert_eq!(closed.check(private, true), Err(Range::Private));
        assert_eq!(
            default.check("127.0.0.1".parse().unwrap(), true),
            Err(Range::Loopback)
        );
    }

    proptest! {
        #[test]
        fn wrapping_an_ipv4_address_changes_nothing(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(Range::of(v4.to_ipv6_mapped().into()), Range::of(v4.into()));
            let nat64 = Ipv6Addr::from_bits(0x0064_ff9b_u128 << 96 | u128::from(bits));
            prop_assert_eq!(Range::of(nat64.into()), Range::of(v4.into()));
        }
    }
}
