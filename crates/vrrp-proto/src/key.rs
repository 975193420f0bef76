//! Keys of `auth_hmac`, and what they compute.
//!
//! Debug shows no secret, and comparing two keys takes the same time wherever they differ.

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU8;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::trailer::{HEAD_LEN, MAC_LEN};

/// A key with its number. Debug shows the number only.
#[derive(Clone)]
pub struct Key {
    id: NonZeroU8,
    /// Keyed once, so that a message costs no hashing of the key.
    mac: Hmac<Sha256>,
    secret: [u8; Self::MAX_LEN],
    len: usize,
}

impl Key {
    /// Shortest secret. Unit: octets.
    pub const MIN_LEN: usize = 32;
    /// Longest secret. Unit: octets.
    pub const MAX_LEN: usize = 64;

    /// A key from its number, 1..=255, and 32..=64 octets of secret.
    pub fn new(id: u8, secret: &[u8]) -> Result<Self, KeyError> {
        let id = NonZeroU8::new(id).ok_or(KeyError::Id)?;
        let len = secret.len();
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&len) {
            return Err(KeyError::Length { have: len });
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| KeyError::Length { have: len })?;
        let mut copy = [0; Self::MAX_LEN];
        for (to, from) in copy.iter_mut().zip(secret) {
            *to = *from;
        }
        Ok(Self {
            id,
            mac,
            secret: copy,
            len,
        })
    }

    /// Its number.
    pub const fn id(&self) -> u8 {
        self.id.get()
    }

    /// The HMAC of `message`, whose checksum octets are read as zero, sent from `source` with the
    /// trailer's `head`.
    pub(crate) fn mac(
        &self,
        source: IpAddr,
        message: &[u8],
        head: &[u8; HEAD_LEN],
    ) -> [u8; MAC_LEN] {
        let mut prefix = [0; 20];
        if let ([ip, version, id, _, address @ ..], [first, vrid, ..]) = (&mut prefix, message) {
            (*version, *id) = (first >> 4, *vrid);
            match source {
                IpAddr::V4(source) => {
                    *ip = 4;
                    address
                        .iter_mut()
                        .zip(source.octets())
                        .for_each(|(to, from)| *to = from);
                }
                IpAddr::V6(source) => (*ip, *address) = (6, source.octets()),
            }
        }
        let mut mac = self.mac.clone();
        mac.update(&prefix);
        if let Some((fixed, rest)) = message.split_first_chunk::<8>() {
            let [fixed @ .., _, _] = fixed;
            mac.update(fixed);
            mac.update(&[0, 0]);
            mac.update(rest);
        }
        mac.update(head);
        mac.update(&[0; MAC_LEN]);
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        first
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.len == other.len && self.secret.ct_eq(&other.secret).into()
    }
}

impl Eq for Key {}

/// What cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The number 0 is none.
    #[error("key ID is not in 1..=255")]
    Id,
    /// Too short to be safe, or longer than the block of SHA-256.
    #[error("key has {have} octets, not 32..=64")]
    Length {
        /// Octets given.
        have: usize,
    },
}
