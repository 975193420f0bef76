//! What every [`Backend`] must do, simulated or real: one suite, run on all of them.
//!
//! ```text
//! vrrp_net::conformance::check(&mut kernel, "eth0", |kernel| kernel.advance(MILLISECOND))?;
//! ```

use crate::frame::{GratuitousArp, UnsolicitedNa};
use crate::{
    AddressRecord, AddressSpec, AddressState, Author, Backend, Destination, IfIndex, Link, Listen,
    Mac, NetEvent, NextHop, Op, OpErrorKind, Payload, Protocol, Route, Rule, RuleAction, RxRing,
    Transmit, VirtualLink, VirtualLinkKind, VridSet,
};
use core::fmt::Debug;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;
use vrrp_proto::{Endpoints, Family, GROUP_V4, HOP_LIMIT};

type Case<S> = fn(&mut S, &Ground) -> Result<(), String>;

/// How often the suite pauses for something to happen before it gives up.
const PATIENCE: u32 = 2_000;
/// No interface of any host has this number.
const NOWHERE: u32 = 0x7fff_fff0;

/// Runs the suite on `backend`, which has not been asked for anything yet, and answers how many cases passed.
///
/// `iface` names an Ethernet-like interface that is up, has at least one IPv4 address, none in 198.51.100.0/24 or
/// 2001:db8:51::/48, and speaks IPv6. `pause` lets about a millisecond pass, in real or in simulated time. When the
/// suite is through, the host is as it was.
pub fn check<B: Backend>(
    backend: &mut B,
    iface: &str,
    pause: impl FnMut(&mut B),
) -> Result<u32, String> {
    let mut suite = Suite {
        backend,
        pause,
        ring: RxRing::new(),
        world: World::default(),
    };
    let cases: [(&str, Case<_>); 13] = [
        (
            "adding and removing twice",
            Suite::adding_and_removing_twice,
        ),
        (
            "IPv6 addresses are usable at once",
            Suite::ipv6_is_usable_at_once,
        ),
        (
            "what is there is taken over",
            Suite::what_is_there_is_taken_over,
        ),
        (
            "a failure is told of its own operation",
            Suite::a_failure_is_told_of_its_own,
        ),
        (
            "a long list is applied in parts",
            Suite::a_long_list_in_parts,
        ),
        ("order is kept", Suite::order_is_kept),
        (
            "removals are known as ours",
            Suite::removals_are_known_as_ours,
        ),
        ("routes and rules", Suite::routes_and_rules),
        ("listening", Suite::listening),
        ("sending", Suite::sending),
        ("names and hardware addresses", Suite::names_and_macs),
        ("nothing to do", Suite::nothing_to_do),
        ("no trace is left", Suite::no_trace_is_left),
    ];
    let ground = suite
        .begin(iface)
        .map_err(|e| format!("the first events: {e}"))?;
    let mut passed = 1;
    for (name, case) in cases {
        case(&mut suite, &ground).map_err(|e| format!("{name}: {e}"))?;
        passed += 1;
    }
    Ok(passed)
}

/// What is known of the host, by events alone.
#[derive(Default)]
struct World {
    links: BTreeMap<IfIndex, Link>,
    addresses: BTreeMap<(IfIndex, IpAddr, u8), AddressRecord>,
    removals: Vec<(AddressRecord, Author)>,
    synced: bool,
}

struct Suite<'a, B, P> {
    backend: &'a mut B,
    pause: P,
    ring: RxRing,
    world: World,
}

/// Where the suite works.
struct Ground {
    iface: IfIndex,
    mac: Mac,
    source: Ipv4Addr,
    /// What was there before.
    addresses: Vec<(IfIndex, IpAddr, u8)>,
}

fn v4(last: u8) -> AddressSpec {
    AddressSpec::new(Ipv4Addr::new(198, 51, 100, last).into())
}

fn v6(last: u16) -> AddressSpec {
    AddressSpec::new(Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, last).into())
}

fn same<T: PartialEq + Debug>(what: &str, got: &T, want: &T) -> Result<(), String> {
    if got == want {
        Ok(())
    } else {
        Err(format!("{what}: {got:?}, not {want:?}"))
    }
}

impl<B: Backend, P: FnMut(&mut B)> Suite<'_, B, P> {
    /// The state at start comes as events between `Resync` and `Synced`.
    fn begin(&mut self, iface: &str) -> Result<Ground, String> {
        match self.backend.poll_event(&mut self.ring) {
            Ok(Some(NetEvent::Resync)) => {}
            other => return Err(format!("begin with {other:?}, not with Resync")),
        }
        self.until("Synced", |world| world.synced)?;
        let link = self.world.links.values().find(|link| link.name == iface);
        let link = link.ok_or_else(|| format!("do not tell of {iface}"))?;
        let mut records = self.world.addresses.values();
        let source = records.find_map(|record| match record.address {
            IpAddr::V4(source) if record.iface == link.index => Some(source),
            _ => None,
        });
        Ok(Ground {
            iface: link.index,
            mac: link
                .mac
                .ok_or_else(|| format!("{iface} has no hardware address"))?,
            source: source.ok_or_else(|| format!("{iface} has no IPv4 address"))?,
            addresses: self.world.addresses.keys().copied().collect(),
        })
    }

    /// Takes in all that has happened.
    fn drain(&mut self) -> Result<(), String> {
        loop {
            match self.backend.poll_event(&mut self.ring) {
                Ok(Some(event)) => self.world.take(event),
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn until(&mut self, what: &str, mut is: impl FnMut(&World) -> bool) -> Result<(), String> {
        for _ in 0..PATIENCE {
            self.drain()?;
            if is(&self.world) {
                return Ok(());
            }
            (self.pause)(self.backend);
        }
        let addresses: Vec<_> = self.world.addresses.keys().collect();
        Err(format!("{what} did not come; addresses: {addresses:?}"))
    }

    /// Applies and answers the failures.
    fn apply(&mut self, ops: &[Op<'_>]) -> Vec<(usize, OpErrorKind)> {
        let mut failures = Vec::new();
        self.backend
            .apply_all(ops, &mut |at, error| failures.push((at, error.kind)));
        failures
    }

    fn succeed(&mut self, ops: &[Op<'_>]) -> Result<(), String> {
        let mut failures = Vec::new();
        self.backend
            .apply_all(ops, &mut |at, error| failures.push((at, error)));
        match failures.first() {
            None => Ok(()),
            Some((at, error)) => Err(format!("{:?}: {error}", ops.get(*at))),
        }
    }

    fn until_has(&mut self, ground: &Ground, spec: &AddressSpec) -> Result<(), String> {
        let key = (ground.iface, spec.address, spec.prefix_len);
        self.until(
            &format!("{} on the interface, as ours", spec.address),
            |world| {
                world
                    .addresses
                    .get(&key)
                    .is_some_and(|record| record.ours && record.state == AddressState::Usable)
            },
        )
    }

    fn until_lacks(&mut self, ground: &Ground, spec: &AddressSpec) -> Result<(), String> {
        let key = (ground.iface, spec.address, spec.prefix_len);
        self.until(&format!("the end of {}", spec.address), |world| {
            !world.addresses.contains_key(&key)
        })
    }

    fn adding_and_removing_twice(&mut self, ground: &Ground) -> Result<(), String> {
        let iface = ground.iface;
        for address in [&v4(1), &v6(1)] {
            for _ in 0..2 {
                self.succeed(&[Op::AddAddress { iface, address }])?;
                self.until_has(ground, address)?;
            }
            for _ in 0..2 {
                self.succeed(&[Op::RemoveAddress { iface, address }])?;
                self.until_lacks(ground, address)?;
            }
        }
        // Twice in one list, and there and back again.
        let address = &v4(2);
        let (add, remove) = (
            Op::AddAddress { iface, address },
            Op::RemoveAddress { iface, address },
        );
        self.succeed(&[
            add.clone(),
            add.clone(),
            remove.clone(),
            remove.clone(),
            add,
        ])?;
        self.until_has(ground, address)?;
        self.succeed(&[remove.clone(), remove])?;
        self.until_lacks(ground, address)
    }

    /// RFC 9568 §8.2.2: no duplicate address detection for virtual addresses.
    fn ipv6_is_usable_at_once(&mut self, ground: &Ground) -> Result<(), String> {
        let (iface, address) = (ground.iface, &v6(2));
        self.succeed(&[Op::AddAddress { iface, address }])?;
        let key = (iface, address.address, address.prefix_len);
        self.until("the address", |world| world.addresses.contains_key(&key))?;
        let state = self.world.addresses.get(&key).map(|record| record.state);
        same(
            "state when it is first told",
            &state,
            &Some(AddressState::Usable),
        )?;
        self.succeed(&[Op::RemoveAddress { iface, address }])?;
        self.until_lacks(ground, address)
    }

    /// The attributes of an address are no part of its name.
    fn what_is_there_is_taken_over(&mut self, ground: &Ground) -> Result<(), String> {
        let iface = ground.iface;
        let plain = &v4(3);
        let fancy = &AddressSpec {
            scope: crate::Scope::LINK,
            preferred: crate::Lifetime::Seconds(0),
            ..v4(3)
        };
        self.succeed(&[
            Op::AddAddress {
                iface,
                address: plain,
            },
            Op::AddAddress {
                iface,
                address: fancy,
            },
        ])?;
        self.until_has(ground, plain)?;
        self.succeed(&[Op::RemoveAddress {
            iface,
            address: fancy,
        }])?;
        self.until_lacks(ground, plain)
    }

    fn a_failure_is_told_of_its_own(&mut self, ground: &Ground) -> Result<(), String> {
        let iface = ground.iface;
        let nowhere = IfIndex::new(NOWHERE).ok_or("0")?;
        let (a, b) = (&v4(4), &v6(4));
        let bad = &AddressSpec {
            prefix_len: 77,
            ..v4(5)
        };
        let failures = self.apply(&[
            Op::AddAddress { iface, address: a },
            Op::AddAddress {
                iface: nowhere,
                address: a,
            },
            Op::AddAddress {
                iface,
                address: bad,
            },
            Op::AddAddress { iface, address: b },
            Op::AddAddress {
                iface: nowhere,
                address: b,
            },
            Op::RemoveAddress {
                iface: nowhere,
                address: a,
            },
            Op::SetLink {
                iface: nowhere,
                up: true,
            },
            Op::SetLink {
                iface: nowhere,
                up: false,
            },
        ]);
        let want = [
            (1, OpErrorKind::NoInterface),
            (2, OpErrorKind::Invalid),
            (4, OpErrorKind::NoInterface),
            (6, OpErrorKind::NoInterface),
        ];
        same("failures", &failures.as_slice(), &want.as_slice())?;
        self.until_has(ground, a)?;
        self.until_has(ground, b)?;
        self.succeed(&[
            Op::RemoveAddress { iface, address: a },
            Op::RemoveAddress { iface, address: b },
        ])?;
        self.until_lacks(ground, a)?;
        self.until_lacks(ground, b)
    }

    fn a_long_list_in_parts(&mut self, ground: &Ground) -> Result<(), String> {
        let iface = ground.iface;
        let nowhere = IfIndex::new(NOWHERE).ok_or("0")?;
        let specs: Vec<_> = (1..=150)
            .flat_map(|n| [v4(n), v6(0x100 + u16::from(n))])
            .collect();
        let mut adding: Vec<_> = specs
            .iter()
            .map(|address| Op::AddAddress { iface, address })
            .collect();
        let address = &v4(200);
        adding.push(Op::AddAddress {
            iface: nowhere,
            address,
        });
        let (mut done, mut failures) = (0, Vec::new());
        while let Some(rest) = adding.get(done..).filter(|rest| !rest.is_empty()) {
            let count = self.backend.apply(rest, &mut |at, error| {
                failures.push((done + at, error.kind))
            });
            if count == 0 || count > rest.len() {
                return Err(format!("{count} of {} operations were applied", rest.len()));
            }
            done += count;
        }
        same(
            "failures",
            &failures,
            &vec![(300, OpErrorKind::NoInterface)],
        )?;
        for spec in &specs {
            self.until_has(ground, spec)?;
        }
        let removing: Vec<_> = specs
            .iter()
            .map(|address| Op::RemoveAddress { iface, address })
            .collect();
        self.succeed(&removing)?;
        specs
            .iter()
            .try_for_each(|spec| self.until_lacks(ground, spec))
    }

    fn order_is_kept(&mut self, ground: &Ground) -> Result<(), String> {
        let (iface, source) = (ground.iface, Ipv4Addr::new(198, 51, 100, 6));
        let address = &AddressSpec::new(source.into());
        let from_there = advert(iface, source);
        let failures = self.apply(&[
            from_there.clone(),
            Op::AddAddress { iface, address },
            from_there.clone(),
            Op::RemoveAddress { iface, address },
            from_there,
        ]);
        let want = [(0, OpErrorKind::NoSource), (4, OpErrorKind::NoSource)];
        same("failures", &failures.as_slice(), &want.as_slice())?;
        self.until_lacks(ground, address)
    }

    fn removals_are_known_as_ours(&mut self, ground: &Ground) -> Result<(), String> {
        let iface = ground.iface;
        for address in [&v4(7), &v6(7)] {
            self.succeed(&[Op::AddAddress { iface, address }])?;
            self.until_has(ground, address)?;
            self.world.removals.clear();
            self.succeed(&[Op::RemoveAddress { iface, address }])?;
            self.until("a removal", |world| !world.removals.is_empty())?;
            let told = self
                .world
                .removals
                .iter()
                .map(|(r, by)| (r.address, *by))
                .collect::<Vec<_>>();
            same("removals", &told, &vec![(address.address, Author::Us)])?;
        }
        Ok(())
    }

    fn routes_and_rules(&mut self, ground: &Ground) -> Result<(), String> {
        let hop = NextHop {
            iface: Some(ground.iface),
            ..NextHop::default()
        };
        let to = |address: IpAddr, prefix_len| {
            Some(Destination {
                address,
                prefix_len,
            })
        };
        let routes = [
            Route {
                next_hops: vec![hop.clone()],
                ..Route::new(Family::V4, to([203, 0, 113, 0].into(), 24))
            },
            Route {
                table: 1_051,
                metric: Some(51),
                next_hops: vec![hop],
                ..Route::new(
                    Family::V6,
                    to(Ipv6Addr::new(0x2001, 0xdb8, 0x52, 0, 0, 0, 0, 0).into(), 48),
                )
            },
        ];
        let rules = [
            Rule {
                from: to([198, 51, 100, 0].into(), 24),
                ..Rule::new(Family::V4, 16_051, RuleAction::Table(1_051))
            },
            Rule {
                iif: Some("nowhere0".to_owned()),
                ..Rule::new(Family::V6, 16_052, RuleAction::Blackhole)
            },
        ];
        for _ in 0..2 {
            for route in &routes {
                self.succeed(&[Op::AddRoute(route)])?;
            }
            for rule in &rules {
                self.succeed(&[Op::AddRule(rule)])?;
            }
        }
        for _ in 0..2 {
            for rule in &rules {
                self.succeed(&[Op::RemoveRule(rule)])?;
            }
            for route in &routes {
                self.succeed(&[Op::RemoveRoute(route)])?;
            }
        }
        let nowhere = NextHop {
            iface: IfIndex::new(NOWHERE),
            ..NextHop::default()
        };
        let [route, _] = routes;
        let failures = self.apply(&[Op::AddRoute(&Route {
            next_hops: vec![nowhere],
            ..route
        })]);
        same("failures", &failures, &vec![(0, OpErrorKind::NoInterface)])
    }

    fn listening(&mut self, ground: &Ground) -> Result<(), String> {
        let all = [Family::V4, Family::V6].map(|family| Listen {
            iface: Some(ground.iface),
            family,
            protocol: Protocol::Vrrp,
            group: Some(family.group()),
        });
        let [first, _] = all;
        let anywhere = Listen {
            iface: None,
            group: None,
            ..first
        };
        let ah = Listen {
            protocol: Protocol::Ah,
            ..first
        };
        for listen in all.into_iter().chain([anywhere, ah]) {
            self.succeed(&[Op::Listen(listen), Op::Listen(listen)])?;
            let vrids = VridSet::default();
            self.succeed(&[Op::Expect { listen, vrids }, Op::Expect { listen, vrids }])?;
            self.succeed(&[Op::Unlisten(listen), Op::Unlisten(listen)])?;
        }
        let failures = self.apply(&[Op::Listen(Listen {
            iface: IfIndex::new(NOWHERE),
            ..first
        })]);
        same("failures", &failures, &vec![(0, OpErrorKind::NoInterface)])
    }

    fn sending(&mut self, ground: &Ground) -> Result<(), String> {
        let Ground {
            iface, mac, source, ..
        } = *ground;
        let arp = GratuitousArp::new(Ipv4Addr::new(198, 51, 100, 8), mac);
        let na = UnsolicitedNa::new(Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 8), mac);
        let many = vec![advert(iface, source); 300];
        self.succeed(&many)?;
        self.succeed(&[
            Op::GratuitousArp { iface, arp },
            Op::UnsolicitedNa { iface, na },
        ])?;
        let nowhere = IfIndex::new(NOWHERE).ok_or("0")?;
        let failures = self.apply(&[
            Op::GratuitousArp {
                iface: nowhere,
                arp,
            },
            Op::GratuitousArp { iface, arp },
            Op::UnsolicitedNa { iface: nowhere, na },
            advert(iface, Ipv4Addr::new(198, 51, 100, 9)),
            advert(iface, source),
        ]);
        let want = [
            (0, OpErrorKind::NoInterface),
            (2, OpErrorKind::NoInterface),
            (3, OpErrorKind::NoSource),
        ];
        same("failures", &failures.as_slice(), &want.as_slice())
    }

    fn names_and_macs(&mut self, ground: &Ground) -> Result<(), String> {
        let mac = Mac::new([2, 0, 0x5e, 0, 0x51, 1]);
        let link = VirtualLink {
            name: "suite0".to_owned(),
            parent: ground.iface,
            kind: VirtualLinkKind::Macvlan(mac),
            family: Family::V4,
            group: None,
            vrf: None,
        };
        self.succeed(&[Op::CreateLink(&link)])?;
        let find = |world: &World, name: &str| {
            let mut links = world.links.values();
            links.find(|link| link.name == name).cloned()
        };
        self.until("the interface", |world| find(world, "suite0").is_some())?;
        let iface = find(&self.world, "suite0").ok_or("no interface")?.index;
        let other = Mac::new([2, 0, 0x5e, 0, 0x51, 2]);
        let name = "suite1";
        self.succeed(&[
            Op::SetMac { iface, mac: other },
            Op::Rename { iface, name },
            Op::SetMac { iface, mac: other },
            Op::Rename { iface, name },
        ])?;
        self.until("the new name and hardware address", |world| {
            find(world, "suite1").is_some_and(|link| link.index == iface && link.mac == Some(other))
        })?;
        same("by the old name", &find(&self.world, "suite0"), &None)?;
        let nowhere = IfIndex::new(NOWHERE).ok_or("0")?;
        let failures = self.apply(&[
            Op::SetMac {
                iface: nowhere,
                mac,
            },
            Op::Rename {
                iface: nowhere,
                name: "suite2",
            },
            Op::Rename { iface, name: "" },
        ]);
        let want = [
            (0, OpErrorKind::NoInterface),
            (1, OpErrorKind::NoInterface),
            (2, OpErrorKind::Invalid),
        ];
        same("failures", &failures.as_slice(), &want.as_slice())?;
        self.succeed(&[Op::RemoveLink { iface }])?;
        self.until("its end", |world| !world.links.contains_key(&iface))
    }

    fn nothing_to_do(&mut self, _: &Ground) -> Result<(), String> {
        same(
            "operations applied",
            &self.backend.apply(&[], &mut |_, _| {}),
            &0,
        )?;
        self.drain()?;
        // Asked again, it has nothing again.
        self.drain()
    }

    fn no_trace_is_left(&mut self, ground: &Ground) -> Result<(), String> {
        let before = ground.addresses.clone();
        self.until("the addresses that were there before", |world| {
            world.addresses.keys().copied().collect::<Vec<_>>() == before
        })
    }
}

/// A VRRPv3 advertisement of virtual router 51 for 198.51.100.0.
fn advert(iface: IfIndex, source: Ipv4Addr) -> Op<'static> {
    const MESSAGE: [u8; 12] = [0x31, 51, 100, 1, 0, 100, 0x3e, 0xfc, 198, 51, 100, 0];
    Op::SendAdvert(Transmit {
        iface: Some(iface),
        ends: Endpoints::V4 {
            source,
            destination: GROUP_V4,
        },
        hop_limit: HOP_LIMIT,
        payload: Payload::Vrrp(&MESSAGE),
    })
}

impl World {
    fn take(&mut self, event: NetEvent<'_>) {
        match event {
            NetEvent::Resync => *self = Self::default(),
            NetEvent::Synced => self.synced = true,
            NetEvent::Link(link) => {
                self.links.insert(link.index, link);
            }
            NetEvent::LinkGone { index, .. } => {
                self.links.remove(&index);
                self.addresses.retain(|(iface, ..), _| *iface != index);
            }
            NetEvent::AddressAdded { record, .. } => {
                self.addresses
                    .insert((record.iface, record.address, record.prefix_len), record);
            }
            NetEvent::AddressRemoved { record, by } => {
                self.addresses
                    .remove(&(record.iface, record.address, record.prefix_len));
                self.removals.push((record, by));
            }
            NetEvent::Packet(_)
            | NetEvent::Unreadable { .. }
            | NetEvent::RouteRemoved { .. }
            | NetEvent::RuleRemoved { .. }
            | NetEvent::Conflict { .. }
            | NetEvent::Neighbour(_)
            | NetEvent::NeighbourGone(_)
            | NetEvent::Flood { .. } => {}
        }
    }
}
