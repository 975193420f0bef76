//! vrrpd.
