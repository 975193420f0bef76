//! Reading keepalived.conf: 1,000 instances, as plain text and made by `~SEQ`, and what it takes to check them.

use core::fmt::Write as _;
use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keepalived_conf::config::Secrets;
use keepalived_conf::parse;

/// A file of `count` instances of the usual kind.
fn text(count: u32) -> String {
    let mut text = String::from(
        "global_defs {\n    router_id bench\n    enable_script_security\n    script_user root\n}\n\
         vrrp_script chk {\n    script \"/usr/bin/pgrep haproxy\"\n    interval 2\n    weight -20\n}\n",
    );
    for n in 0..count {
        let (vrid, interface) = (n % 255 + 1, n / 255);
        let (high, low) = (n / 250, n % 250 + 1);
        let _ = write!(
            text,
            "vrrp_instance VI_{n} {{\n    state BACKUP\n    interface eth{interface}\n    virtual_router_id {vrid}\n    \
             priority 150 # of 255\n    advert_int 1\n    authentication {{\n        auth_type PASS\n        \
             auth_pass secret\n    }}\n    virtual_ipaddress {{\n        10.1.{high}.{low}/16 dev eth{interface}\n    }}\n    \
             track_script {{\n        chk\n    }}\n    notify_master \"/etc/keepalived/notify.sh master {n}\"\n}}\n"
        );
    }
    text
}

/// The same number of instances, from a definition and two sequences.
fn sequence() -> String {
    "$INSTANCE=vrrp_instance VI_${I}_${N} { \\\n interface eth${I} \\\n virtual_router_id ${N} \\\n priority 150 \\\n \
     virtual_ipaddress { \\\n 10.1.${I}.${N}/16 \\\n } \\\n}\n~SEQ(I,0,3) ~SEQ(N,1,250) $INSTANCE\n"
        .to_owned()
}

fn config(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("config");
    for (name, text) in [
        ("1000 instances", text(1000)),
        ("1000 instances by ~SEQ", sequence()),
    ] {
        let loaded = parse(&text);
        assert_eq!(loaded.config.instances.len(), 1000, "{name}");
        group.throughput(Throughput::Elements(1000));
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| parse(black_box(&text)));
        });
        group.bench_function(format!("read and check {name}"), |bencher| {
            bencher.iter(|| parse(black_box(&text)).findings());
        });
        group.bench_function(format!("write {name}"), |bencher| {
            bencher.iter(|| black_box(&loaded.config).to_text(Secrets::Masked));
        });
    }
    group.finish();
}

criterion_group!(benches, config);
criterion_main!(benches);
