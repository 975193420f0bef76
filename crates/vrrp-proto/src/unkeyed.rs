//! Without the feature `auth` these policies can be named and passed on as `None`, but not made: so
//! the feature adds what can be said and changes nothing that was said without it.

use core::convert::Infallible;
use core::marker::PhantomData;
use core::net::IpAddr;

use crate::{AuthHeader, Endpoints, Packet, Reason};

/// How Authentication Headers are judged: needs the feature `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AhPolicy {
    never: Infallible,
}

impl AhPolicy {
    pub(crate) const fn judge(
        &self,
        _: &AuthHeader<'_>,
        _: &Endpoints,
        _: &[u8],
        _: &[u8],
    ) -> Result<u32, Reason> {
        match self.never {}
    }
}

/// How signatures are judged: needs the feature `auth`.
#[derive(Clone, Copy, Debug)]
pub struct HmacPolicy<'a> {
    never: Infallible,
    keys: PhantomData<&'a ()>,
}

impl HmacPolicy<'_> {
    pub(crate) const fn judge(
        &self,
        _: IpAddr,
        _: &Packet<'_>,
    ) -> Result<Option<Signature>, Reason> {
        match self.never {}
    }
}

/// A signature that was found good: needs the feature `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    never: Infallible,
}
