//! Adverts as octets, from the configuration of the moment of sending.

use core::net::IpAddr;

use vrrp_proto::{Advert, Authentication, ChecksumCoverage, EmitError, Endpoints, GROUP_V4};

use super::Engine;
use super::io::Advertisement;
use crate::RouterId;
use crate::config::{Auth, Destination, RouterConfig};

/// Why an advert cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is not configured (any more).
    #[error("virtual router {0} is not configured")]
    UnknownRouter(RouterId),
    /// There is no address to send from.
    #[error("virtual router {0} has no primary address")]
    NoPrimary(RouterId),
    /// Source and destination are of different families.
    #[error("an advert cannot go to {0}")]
    Destination(IpAddr),
    /// The message cannot be said, or the buffer is too small.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

impl Engine {
    /// Where the adverts of `router` go: to its group, or to each of its peers.
    //= KA-UNI-01
    //= KA-CFG-05
    pub fn destinations(&self, router: RouterId) -> impl Iterator<Item = IpAddr> + '_ {
        let (group, peers) = match self.config_of(router).map(|config| &config.destination) {
            None => (None, &[][..]),
            Some(Destination::Multicast(group)) => (Some(*group), &[][..]),
            Some(Destination::Unicast { peers, .. }) => (None, peers.as_slice()),
        };
        group
            .into_iter()
            .chain(peers.iter().map(|peer| peer.address))
    }

    /// Writes `advertisement` as it goes to `destination` to the front of `buf`, with the signature
    /// of `auth_hmac` where one is due, and says between which addresses it travels and how long it
    /// is. 4116 octets hold any.
    ///
    /// The configuration is that of this moment; nothing is allocated. A router that a reload has
    /// removed can still be encoded until [`Engine::handle`] is called with no command waiting.
    //= R9568-7.2-01
    pub fn encode_advert(
        &self,
        advertisement: &Advertisement,
        destination: IpAddr,
        buf: &mut [u8],
    ) -> Result<(Endpoints, usize), EncodeError> {
        let id = advertisement.router;
        let (router, old_checksum) = self.sender(id).ok_or(EncodeError::UnknownRouter(id))?;
        //= R9568-7.2-03
        let primary = router.primary().ok_or(EncodeError::NoPrimary(id))?;
        let ends =
            Endpoints::new(primary, destination).ok_or(EncodeError::Destination(destination))?;
        let config = router.config();
        let unicast = matches!(config.destination, Destination::Unicast { .. });
        let (covered, coverage) = match ends {
            //= KA-CSUM-04
            Endpoints::V4 { source, .. } if unicast && old_checksum => {
                let destination = GROUP_V4;
                (
                    Endpoints::V4 {
                        source,
                        destination,
                    },
                    ChecksumCoverage::PseudoHeader,
                )
            }
            //= KA-CSUM-03
            Endpoints::V4 { .. } | Endpoints::V6 { .. } => (ends, config.checksum),
        };
        let len = message(config, advertisement).emit(&covered, coverage, buf)?;
        #[cfg(feature = "auth")]
        let len = sign(config, advertisement, &ends, buf, len)?;
        Ok((ends, len))
    }

    /// The Authentication Header of an encoded `message`, to be put between it and the `ip_header`
    /// with which it will leave: total length and identification are covered. `None` where the
    /// router is not configured for it.
    //= KA-AUTH-03
    #[cfg(feature = "auth")]
    pub fn auth_header(
        &self,
        advertisement: &Advertisement,
        ip_header: &[u8],
        message: &[u8],
    ) -> Option<[u8; vrrp_proto::AH_LEN]> {
        let config = self.config_of(advertisement.router)?;
        let Auth::Ah(key) = &config.auth else {
            return None;
        };
        let sequence = u32::try_from(advertisement.sequence).ok()?;
        vrrp_proto::auth_header(key, ah_ttl(config), sequence, ip_header, message)
    }

    fn config_of(&self, router: RouterId) -> Option<&RouterConfig> {
        self.sender(router).map(|(router, _)| router.config())
    }
}

fn message<'a>(config: &'a RouterConfig, advertisement: &Advertisement) -> Advert<'a> {
    Advert {
        version: config.version,
        vrid: config.vrid,
        priority: advertisement.priority,
        interval: config.interval,
        addresses: config.addresses.as_list(),
        authentication: match config.auth {
            Auth::None => Authentication::None,
            Auth::Simple(password) => Authentication::Simple(password),
            #[cfg(feature = "auth")]
            Auth::Ah(_) => Authentication::Ah,
            #[cfg(feature = "auth")]
            Auth::Hmac(_) => Authentication::None,
        },
    }
}

/// keepalived reads the TTL as zero for unicast only.
#[cfg(feature = "auth")]
pub(super) const fn ah_ttl(config: &crate::config::RouterOptions) -> vrrp_proto::AhTtl {
    match config.destination {
        Destination::Multicast(_) => vrrp_proto::AhTtl::Keep,
        Destination::Unicast { .. } => vrrp_proto::AhTtl::Zero,
    }
}

//= KA-AUTH-08
#[cfg(feature = "auth")]
fn sign(
    config: &RouterConfig,
    advertisement: &Advertisement,
    ends: &Endpoints,
    buf: &mut [u8],
    len: usize,
) -> Result<usize, EmitError> {
    use vrrp_proto::{Sequence, Trailer};
    let Auth::Hmac(hmac) = &config.auth else {
        return Ok(len);
    };
    let key = hmac.keys.iter().find(|key| key.id() == hmac.active_key);
    let (Some(key), true) = (key, hmac.mode.signs()) else {
        return Ok(len);
    };
    let too_small = EmitError::BufferTooSmall {
        need: len,
        have: buf.len(),
    };
    let message = buf.get(..len).ok_or(too_small)?;
    let sequence = Sequence::new(advertisement.sequence);
    let trailer = Trailer::sign(key, sequence, ends.source(), message).map_err(|_| too_small)?;
    trailer.append(ends, buf, len)
}

#[cfg(test)]
mod tests;
