//! What the engine wants, done with the kernel.

use super::{Change, EngineNode, index_of};
use core::net::IpAddr;
use vrrp_fsm::{
    Announced, Announcement, Command, Input, Instant, Role, RouterConfig, RouterId, Subject,
};
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};
use vrrp_net::{AddressSpec, Backend, IfIndex, Op, Payload, Transmit};

impl EngineNode {
    /// Does what the engine wants, in order, until the kernel makes it wait. Answers whether anything
    /// but adverts was wanted.
    pub(super) fn execute(&mut self) -> bool {
        let mut stirred = false;
        while let Some(process) = self
            .process
            .as_mut()
            .filter(|process| process.waits.is_none())
        {
            let Some(command) = process.engine.poll_command() else {
                break;
            };
            stirred |= !matches!(command, Command::Advertise(_));
            match command {
                Command::Install(id) if !self.slowness.is_zero() => {
                    process.waits = Some((self.kernel.now() + self.slowness, id));
                }
                other => self.obey(other),
            }
        }
        stirred
    }

    /// Whether the process waits for the kernel still.
    pub(super) fn waits(&mut self, now: Instant) -> Option<Instant> {
        let (until, id) = self.process.as_ref()?.waits?;
        if now < until {
            return Some(until);
        }
        if let Some(process) = &mut self.process {
            process.waits = None;
        }
        self.install(id, true);
        self.ordered = true;
        None
    }

    pub(super) fn obey(&mut self, command: Command) {
        let Some(process) = &mut self.process else {
            return;
        };
        let engine = &mut process.engine;
        match command {
            Command::Advertise(advertisement) => {
                let id = advertisement.router;
                let iface = self.config.routers.get(&id).and_then(|r| index_of(r.iface));
                let mut sound = true;
                for destination in engine.destinations(id) {
                    match engine.encode_advert(&advertisement, destination, &mut self.octets) {
                        Ok((ends, len)) => {
                            let message = self.octets.get(..len).unwrap_or_default();
                            let payload = Payload::Vrrp(message);
                            let send = Transmit {
                                iface,
                                ends,
                                hop_limit: 255,
                                payload,
                            };
                            self.kernel
                                .apply_all(&[Op::SendAdvert(send)], &mut |_, _| sound = false);
                        }
                        Err(error) => self.complaints.push(format!("router {id}: {error}")),
                    }
                }
                if !sound {
                    let now = self.kernel.now();
                    engine.handle(now, Input::SendFailed(id));
                }
            }
            Command::Install(id) | Command::Update(id) => self.install(id, true),
            Command::Withdraw(id) => self.install(id, false),
            Command::Announce {
                router,
                what,
                rounds,
            } => self.announce(router, &what, rounds),
            Command::Transition {
                subject: Subject::Router(id),
                to,
                cause,
                ..
            } => {
                let segment = usize::try_from(id.0).unwrap_or(usize::MAX);
                self.changes.push(Change {
                    segment,
                    status: to,
                    cause,
                });
            }
            Command::Transition {
                subject: Subject::Group(_),
                ..
            }
            | Command::Report(_) => {}
            Command::RunScript(track) | Command::StopScript { track, .. } => {
                self.complaints
                    .push(format!("this machine has no script {track}"));
            }
        }
    }

    pub(super) fn install(&mut self, id: RouterId, add: bool) {
        let serves = self.serves.get(&id).map_or(&[][..], Vec::as_slice);
        let op = |(iface, address): &'_ (IfIndex, AddressSpec)| (*iface, address.clone());
        let addresses: Vec<_> = serves.iter().map(op).collect();
        let ops: Vec<_> = addresses
            .iter()
            .map(|(iface, address)| match add {
                true => Op::AddAddress {
                    iface: *iface,
                    address,
                },
                false => Op::RemoveAddress {
                    iface: *iface,
                    address,
                },
            })
            .collect();
        self.apply(&ops);
    }

    pub(super) fn announce(&mut self, id: RouterId, what: &Announcement, rounds: u8) {
        let all = |config: &RouterConfig| config.announced.clone();
        let announced = match what {
            Announcement::All => self.config.routers.get(&id).map(all).unwrap_or_default(),
            Announcement::One(one) => vec![*one],
            Announcement::These(some) => some.to_vec(),
        };
        let one = |a: &Announced| {
            let iface = index_of(a.iface)?;
            let mac = *self.macs.get(usize::try_from(a.iface.0).ok()?)?;
            Some(match a.address {
                IpAddr::V4(address) => Op::GratuitousArp {
                    iface,
                    arp: GratuitousArp::new(address, mac),
                },
                IpAddr::V6(address) => Op::UnsolicitedNa {
                    iface,
                    na: UnsolicitedNa::new(address, mac),
                },
            })
        };
        let ops: Vec<_> = announced.iter().filter_map(one).collect();
        for _ in 0..rounds {
            self.apply(&ops);
        }
        let view = usize::try_from(id.0)
            .ok()
            .and_then(|at| self.views.get_mut(at));
        if let Some(view) = view.filter(|_| *what == Announcement::All) {
            view.announced += 1;
        }
    }

    /// What a process finds that an earlier one left in the kernel and that it does not serve.
    pub(super) fn clean(&mut self) {
        let stale = |id: &RouterId| {
            let role = self.engine().and_then(|e| e.snapshot(*id)).map(|s| s.role);
            role != Some(Role::Active)
        };
        let stale: Vec<_> = self.serves.keys().copied().filter(stale).collect();
        for id in stale {
            self.install(id, false);
        }
    }
}
