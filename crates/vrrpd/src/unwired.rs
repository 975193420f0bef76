//! What a configuration asks for and this daemon does not do yet. Each is said once at the start and at each reload,
//! as an error: nothing that was written is ignored in silence. An entry goes when its feature comes.

use keepalived_conf::config::{Config, Insert, Instance, Route};
use tracing::error;

/// Logs every feature of `config` that is accepted and not in effect.
pub fn report(config: &Config) {
    for (subject, what) in features(config) {
        let subject = subject.map(|name| format!("({name}) ")).unwrap_or_default();
        error!("{subject}{what} is accepted, but not yet in effect");
    }
}

/// All of them, each with the instance that asks for it.
#[must_use]
pub fn features(config: &Config) -> Vec<(Option<&str>, &'static str)> {
    let globals = &config.globals;
    let global = [
        (!config.bfd_instances.is_empty(), "bfd_instance"),
        (globals.dbus, "enable_dbus"),
        (beside_others(&config.static_routes), BESIDE),
    ];
    let mut features: Vec<_> = global
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, what)| (None, what))
        .collect();
    for instance in &config.instances {
        features.extend(of_instance(instance).map(|what| (Some(instance.name.as_str()), what)));
    }
    features
}

fn of_instance(instance: &Instance) -> impl Iterator<Item = &'static str> {
    let all = [
        (!instance.track.bfds.is_empty(), "track_bfd"),
        (beside_others(&instance.routes), BESIDE),
    ];
    all.into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, what)| what)
}

/// What a route of ours does to one of the same destination and metric: it takes its place.
const BESIDE: &str =
    "prepend or add, which would leave a route of the same destination and metric where it is,";

fn beside_others(routes: &[Route]) -> bool {
    let beside = |route: &Route| matches!(route.insert, Some(Insert::Prepend | Insert::Add));
    routes.iter().any(beside)
}

#[cfg(test)]
mod tests {
    use keepalived_conf::config::Family;

    use super::*;

    #[test]
    fn a_route_that_would_stand_beside_another_is_told() {
        for (insert, told) in [
            (None, false),
            (Some(Insert::Append), false),
            (Some(Insert::Add), true),
            (Some(Insert::Prepend), true),
        ] {
            let route = Route {
                insert,
                ..Route::new(Family::V4, None)
            };
            let config = Config {
                static_routes: vec![route],
                ..Config::default()
            };
            let expected: &[(Option<&str>, &str)] = &[(None, BESIDE)];
            assert_eq!(features(&config), if told { expected } else { &[] });
        }
    }
}
