//! Adverts as octets, from the configuration of the moment of sending.

use core::net::IpAddr;

use vrrp_proto::{Advert, Authentication, EmitError, Endpoints};

use super::Engine;
use super::io::Advertisement;
use crate::config::{Auth, Destination, RouterConfig};
use crate::{RouterId, VirtualRouter};

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

    /// Writes `advertisement` as it goes to `destination` to the front of `buf` and says between
    /// which addresses it travels and how long it is. 4116 octets hold any.
    ///
    /// The configuration is that of this moment; nothing is allocated.
    //= R9568-7.2-01
    pub fn encode_advert(
        &self,
        advertisement: &Advertisement,
        destination: IpAddr,
        buf: &mut [u8],
    ) -> Result<(Endpoints, usize), EncodeError> {
        let id = advertisement.router;
        let router = self.router(id).ok_or(EncodeError::UnknownRouter(id))?;
        //= R9568-7.2-03
        let primary = router.primary().ok_or(EncodeError::NoPrimary(id))?;
        let ends =
            Endpoints::new(primary, destination).ok_or(EncodeError::Destination(destination))?;
        let config = router.config();
        let len = message(config, advertisement).emit(&ends, config.checksum, buf)?;
        Ok((ends, len))
    }

    fn config_of(&self, router: RouterId) -> Option<&RouterConfig> {
        self.router(router).map(VirtualRouter::config)
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
            Auth::None | Auth::Hmac(_) => Authentication::None,
            Auth::Simple(password) => Authentication::Simple(password),
            Auth::Ah(_) => Authentication::Ah,
        },
    }
}
