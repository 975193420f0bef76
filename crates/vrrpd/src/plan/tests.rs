use std::sync::Arc;

use keepalived_conf::Config;

use super::{Numbers, Plan};

fn config(text: &str) -> Arc<Config> {
    Arc::new(keepalived_conf::parse(text).config)
}

fn plan(config: &Arc<Config>, numbers: &mut Numbers) -> Plan {
    Plan::new(config, numbers, &mut |_, _| None).unwrap()
}

fn instance(name: &str, peer: u8) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id 1\n priority 100\n \
         unicast_peer {{\n 10.0.0.{peer}\n }}\n virtual_ipaddress {{\n 10.0.1.{peer}\n }}\n}}\n"
    )
}

/// One source may serve several routers of one VRID, each with other peers.
#[test]
fn instances_that_differ_in_their_peers_are_two() {
    let mut numbers = Numbers::default();
    let both = config(&(instance("A", 1) + &instance("B", 2)));
    let first = plan(&both, &mut numbers);
    let names = |plan: &Plan| -> Vec<_> {
        let routers = plan.routers.iter();
        routers
            .map(|(id, router)| (*id, router.instance.name.clone()))
            .collect()
    };
    assert_eq!(first.routers.len(), 2, "{:?}", names(&first));
    // Another peer makes no other router.
    let again = config(&(instance("A", 3) + &instance("B", 2)));
    assert_eq!(names(&plan(&again, &mut numbers)), names(&first));
}
