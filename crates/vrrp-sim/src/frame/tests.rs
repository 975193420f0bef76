use super::*;
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};

const A: Mac = Mac::new([2, 0, 0, 0, 0, 1]);
const B: Mac = Mac::new([2, 0, 0, 0, 0, 2]);

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

#[test]
fn what_is_said_is_heard() {
    let (four, vip4) = (v4("10.0.0.100"), v4("10.0.0.1"));
    let (six, vip6) = (v6("2001:db8::100"), v6("2001:db8::1"));
    let who = |a: IpAddr, b: IpAddr| Heard::parse(&who_has(A, a, b).unwrap()).unwrap();
    assert_eq!(
        who(four.into(), vip4.into()),
        Heard::ArpRequest {
            mac: A,
            sender: four,
            target: vip4
        }
    );
    assert_eq!(
        who(six.into(), vip6.into()),
        Heard::Solicitation {
            mac: A,
            sender: six,
            target: vip6
        }
    );
    let at = |a: IpAddr, b: IpAddr| Heard::parse(&is_at(a, B, A, b).unwrap()).unwrap();
    assert_eq!(
        at(vip4.into(), four.into()),
        Heard::ArpReply {
            mac: B,
            sender: vip4
        }
    );
    assert_eq!(
        at(vip6.into(), six.into()),
        Heard::Advertisement {
            mac: B,
            target: vip6,
            overrides: true
        }
    );
    for (source, destination) in [(four.into(), vip4.into()), (six.into(), vip6.into())] {
        let ends = Endpoints::new(source, destination).unwrap();
        for request in [true, false] {
            let frame = echo(request, A, B, ends, 7, 9);
            assert_eq!(&frame[..6], B.octets());
            let expected = Heard::Echo {
                request,
                ends,
                ident: 7,
                sequence: 9,
            };
            assert_eq!(Heard::parse(&frame), Some(expected));
        }
    }
    assert_eq!(who_has(A, four.into(), vip6.into()), None);
}

#[test]
fn announcements_are_understood() {
    assert_eq!(
        Heard::parse(&GratuitousArp::new(v4("10.0.0.1"), A).emit()),
        Some(Heard::ArpRequest {
            mac: A,
            sender: v4("10.0.0.1"),
            target: v4("10.0.0.1")
        })
    );
    assert_eq!(
        Heard::parse(&UnsolicitedNa::new(v6("2001:db8::1"), A).emit()),
        Some(Heard::Advertisement {
            mac: A,
            target: v6("2001:db8::1"),
            overrides: true
        })
    );
}

#[test]
fn damage_is_no_panic_and_no_ping() {
    let ends = Endpoints::V4 {
        source: v4("10.0.0.100"),
        destination: v4("10.0.0.1"),
    };
    let frame = echo(true, A, B, ends, 7, 9);
    for bit in ETHERNET * 8..frame.len() * 8 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !matches!(Heard::parse(&damaged), Some(Heard::Echo { .. })),
            "bit {bit}"
        );
    }
    for len in 0..frame.len() {
        assert_eq!(Heard::parse(&frame[..len]), None, "{len} octets");
    }
}

#[test]
fn groups_have_their_hardware_address() {
    let mac = |group: &str| group_mac(group.parse().unwrap()).map(Mac::octets);
    assert_eq!(mac("224.0.0.18"), Some([0x01, 0x00, 0x5e, 0, 0, 0x12]));
    assert_eq!(mac("ff02::12"), Some([0x33, 0x33, 0, 0, 0, 0x12]));
    assert_eq!(mac("10.0.0.1"), None);
}
