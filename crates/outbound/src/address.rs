//! What kind of address an IP address is, judged also by the IPv4 address that an IPv6 address carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A kind of address, from the IANA registries of special-purpose addresses (RFC 6890 and its updates).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// Reachable from everywhere.
    Global,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, RFC 4193, shared address space, and whatever else is not global.
    Private,
    /// Only this link, and where clouds keep the credentials of a machine: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// A cloud's metadata service at an address that is not link-local.
    Metadata,
    /// No address of a single machine: unspecified, multicast, broadcast.
    NoHost,
}

impl AddressKind {
    /// The kind of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// In words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Global => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a cloud's metadata service",
            Self::NoHost => "not the address of a host",
        }
    }
}

/// Metadata services outside of link-local addresses: Alibaba Cloud, Azure, Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

fn of_v4(address: Ipv4Addr) -> AddressKind {
    let octets = address.octets();
    if METADATA_V4.contains(&address) {
        return AddressKind::Metadata;
    }
    match octets {
        [0, ..] | [224..=239, ..] | [255, 255, 255, 255] => AddressKind::NoHost,
        [127, ..] => AddressKind::Loopback,
        [169, 254, ..] => AddressKind::LinkLocal,
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0, _]
        | [192, 0, 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressKind::Private,
        _ => AddressKind::Global,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressKind {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => return AddressKind::NoHost,
        [0, 0, 0, 0, 0, 0, 0, 1] => return AddressKind::Loopback,
        [0xff00..=0xffff, ..] => return AddressKind::NoHost,
        [0xfe80..=0xfebf, ..] => return AddressKind::LinkLocal,
        // Amazon's and Google's metadata services.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => return AddressKind::Metadata,
        _ => {}
    }
    // Whoever carries an IPv4 address leads to that host, through a gateway or on this machine itself.
    if let Some(worst) = embedded(segments).into_iter().flatten().map(of_v4).max_by_key(|kind| danger(*kind))
    {
        return worst;
    }
    match segments {
        [0x2001, 0x0000..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3ff0..=0x3fff, ..] => AddressKind::Private,
        [0x2000..=0x3fff, ..] => AddressKind::Global,
        _ => AddressKind::Private,
    }
}

/// The IPv4 addresses that an IPv6 address carries: mapped and compatible (RFC 4291), NAT64 (RFC 6052 and
/// 8215), 6to4 (RFC 3056), Teredo's server and client (RFC 4380), ISATAP (RFC 5214).
fn embedded(segments: [u16; 8]) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => [v4(high, low), None],
        [0x0064, 0xff9b, _, _, _, _, high, low] => [v4(high, low), None],
        [0x2002, high, low, ..] => [v4(high, low), None],
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            [v4(server_high, server_low), v4(!high, !low)]
        }
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => [v4(high, low), None],
        _ => [None, None],
    }
}

/// By how much an address is to be kept away from; the most decides.
fn danger(kind: AddressKind) -> u8 {
    match kind {
        AddressKind::Global => 0,
        AddressKind::Private => 1,
        AddressKind::Loopback => 2,
        AddressKind::NoHost => 3,
        AddressKind::LinkLocal => 4,
        AddressKind::Metadata => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_recognised() {
        use AddressKind::*;
        for (kind, addresses) in [
            (
                Global,
                "1.1.1.1 8.8.8.8 172.32.0.1 192.0.1.1 100.128.0.1 2606:4700::1111 2a00:1450::1 64:ff9b::808:808 2002:808:808::",
            ),
            (
                Loopback,
                "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
            ),
            (
                Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 192.0.0.1 198.18.0.1 203.0.113.9 240.0.0.1 \
                 fd00::1 fc00::1 fec0::1 2001:db8::1 2001:10::1 3fff::1 ::ffff:10.0.0.1 64:ff9b:1::a00:1 4000::1 5f00::1",
            ),
            (
                LinkLocal,
                "169.254.169.254 169.254.0.1 fe80::1 febf::1 ::ffff:169.254.169.254 ::169.254.169.254 \
                 ::ffff:0:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: 2001:0:a9fe:a9fe:: \
                 2001:0:808:808:0:0:5601:5601 2a00::5efe:a9fe:a9fe 2a00::200:5efe:a9fe:a9fe",
            ),
            (
                Metadata,
                "100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ::ffff:100.100.100.200",
            ),
            (
                NoHost,
                "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 255.255.255.255 :: ff02::1 ::ffff:0.0.0.0 ::ffff:255.255.255.255",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(AddressKind::of(address.parse().unwrap()), kind, "{address}");
            }
        }
    }
}
