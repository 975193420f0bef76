//! VRRPv2's simple password (RFC 2338 §5.3.6, §5.3.10; withdrawn by RFC 3768, in use everywhere).

use core::fmt;
use core::hint::black_box;

use crate::packet::AUTH_DATA_LEN;

/// A password or AH key of VRRPv2: eight octets, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password([u8; AUTH_DATA_LEN]);

impl Password {
    /// Cut to eight octets, padded with zeros. The caller should say that it cuts.
    //= R2338-5.3.10-01
    pub fn new(text: &[u8]) -> Self {
        let mut octets = [0; AUTH_DATA_LEN];
        for (to, from) in octets.iter_mut().zip(text) {
            *to = *from;
        }
        Self(octets)
    }

    /// As on the wire.
    pub const fn octets(&self) -> &[u8; AUTH_DATA_LEN] {
        &self.0
    }

    /// Compares all eight octets, in a time that does not depend on where they differ.
    //= R2338-5.3.10-02
    //= KA-AUTH-01
    pub fn matches(&self, data: &[u8; AUTH_DATA_LEN]) -> bool {
        black_box(u64::from_ne_bytes(self.0) ^ u64::from_ne_bytes(*data)) == 0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
