//! vrrp-net
