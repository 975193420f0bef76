//! The tutorial's four nodes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use core::time::Duration;

use keepalived_conf::config::{Auth, Family, State, Version};
use keepalived_conf::{Code, parse};

fn node(state: &str, priority: u8) -> String {
    format!(
        "global_defs {{\n  router_id DOCKER_INGRESS\n}}\n\nvrrp_instance VI_1 {{\n  state {state}\n  interface eth0\n  \
         virtual_router_id 51\n  priority {priority}\n  advert_int 1\n  authentication {{\n    auth_type PASS\n    \
         auth_pass mypassword\n  }}\n  virtual_ipaddress {{\n    10.0.0.70\n  }}\n}}\n"
    )
}

#[test]
fn the_nodes_of_the_tutorial_mean_what_they_say() {
    for (state, word, priority) in [
        (State::Master, "MASTER", 100),
        (State::Backup, "BACKUP", 90),
    ] {
        let loaded = parse(&node(word, priority));
        assert!(!loaded.refused());
        let [instance] = loaded.config.instances.as_slice() else {
            panic!("one instance")
        };
        assert_eq!(instance.name, "VI_1");
        assert_eq!(instance.interface.as_deref(), Some("eth0"));
        assert_eq!(
            (instance.family, instance.version),
            (Family::V4, Version::V2)
        );
        assert_eq!(
            (instance.vrid, instance.priority, instance.state),
            (51, priority, Some(state))
        );
        assert_eq!(instance.advert_int, Duration::from_secs(1));
        let Some(Auth::Pass(secret)) = &instance.auth else {
            panic!("a password")
        };
        assert_eq!(secret.expose(), b"mypasswo");
        let addresses: Vec<_> = instance
            .addresses
            .iter()
            .map(|a| (a.address.to_string(), a.prefix_len))
            .collect();
        assert_eq!(addresses, [("10.0.0.70".to_owned(), 32)]);
        assert_eq!(
            loaded.config.globals.router_id.as_deref(),
            Some("DOCKER_INGRESS")
        );

        let codes: Vec<Code> = loaded
            .diagnostics
            .iter()
            .map(|finding| finding.code)
            .collect();
        assert_eq!(codes, [Code::AuthPassLong]);
        let place = loaded.diagnostics[0]
            .span
            .and_then(|span| loaded.sources.locate(span))
            .unwrap();
        assert_eq!((place.line, place.column), (13, 15));
    }
}
