//! `keepalived.stats`: the counters, in keepalived's fixed layout.

use core::fmt::Write as _;

use crate::daemon::View;

pub(super) fn text(view: &View) -> String {
    let mut out = String::new();
    for instance in &view.plan.config.instances {
        let found = view
            .plan
            .routers
            .iter()
            .find(|(_, router)| router.instance.name == instance.name);
        let Some(stats) = found
            .and_then(|(id, _)| view.routers.get(id))
            .map(|snapshot| &snapshot.stats)
        else {
            continue;
        };
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "VRRP Instance: {name}\n\
             \x20 Advertisements:\n    Received: {received}\n    Sent: {sent}\n\
             \x20 Became master: {became}\n  Released master: {released}\n\
             \x20 Packet Errors:\n    Length: {length}\n    TTL: {ttl}\n    Invalid Type: {kind}\n\
             \x20   Advertisement Interval: {interval}\n    Address List: {list}\n\
             \x20 Authentication Errors:\n    Invalid Type: {auth_kind}\n    Type Mismatch: {mismatch}\n    Failure: {failure}\n\
             \x20 Priority Zero:\n    Received: {zero_received}\n    Sent: {zero_sent}\n",
            name = instance.name,
            received = stats.adverts_rcvd,
            sent = stats.adverts_sent,
            became = stats.become_active,
            released = stats.leave_active,
            length = stats.packet_length_errors,
            ttl = stats.ip_ttl_errors,
            kind = stats.invalid_type_rcvd,
            interval = stats.adv_interval_errors,
            list = stats.address_list_errors,
            auth_kind = stats.invalid_auth_type,
            mismatch = stats.auth_type_mismatch,
            failure = stats.auth_failures,
            zero_received = stats.priority_zero_rcvd,
            zero_sent = stats.priority_zero_sent,
        );
    }
    out
}
