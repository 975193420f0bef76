//! From a datagram to an event: RFC 9568 §7.1, the part that needs state.

use vrrp_proto::{HOP_LIMIT, Packet, Vrid};

use super::Engine;
use super::io::Datagram;
use super::slot::Place;
use crate::event::{Event, Heard};
use crate::{IfaceId, Instant};

impl Engine {
    pub(super) fn receive(
        &mut self,
        now: Instant,
        iface: IfaceId,
        arrived: Instant,
        datagram: &Datagram<'_>,
    ) {
        let family = datagram.ends.family();
        let Ok(packet) = Packet::parse(datagram.payload, family) else {
            return;
        };
        let Some(vrid) = Vrid::new(packet.vrid_octet()) else {
            return;
        };
        let Some(place) = self.place_for(iface, family, vrid) else {
            return;
        };
        if datagram.hop_limit != HOP_LIMIT || packet.verify(&datagram.ends).is_err() {
            return;
        }
        let Some(interval) = packet.interval() else {
            return;
        };
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        slot.stats.adverts_rcvd += 1;
        let source = datagram.ends.source();
        let heard = Heard {
            source,
            priority: packet.priority(),
            interval,
        };
        let _ = arrived;
        self.step(now, place, Event::Advert(heard));
    }

    fn place_for(&self, iface: IfaceId, family: vrrp_proto::Family, vrid: Vrid) -> Option<Place> {
        self.demux
            .get(&(iface, family, vrid))
            .and_then(|places| places.first())
            .copied()
    }
}
