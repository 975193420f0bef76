//! Packets on the wire.

use crate::Case;

pub(crate) const CASES: &[Case] = &[];
