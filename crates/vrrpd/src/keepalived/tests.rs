use super::options::OptionError;
use super::*;

fn parse(line: &str) -> Result<Options, OptionError> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    Options::parse(&words)
}

#[test]
fn command_lines_from_the_field() {
    let container = parse("-nlDP -f /etc/x.conf").unwrap();
    assert!(container.dont_fork && container.log_console && container.vrrp);
    assert_eq!(
        (container.log_detail, container.use_file),
        (1, Some("/etc/x.conf".into()))
    );

    let neutron = parse("-P -f /a/keepalived.conf -p /a/pid -r /a/pid-vrrp -D").unwrap();
    assert_eq!(
        (neutron.pid, neutron.vrrp_pid),
        (Some("/a/pid".into()), Some("/a/pid-vrrp".into()))
    );

    let vyos = parse("--use-file /run/k.conf --pid /run/k.pid --dont-fork --snmp").unwrap();
    assert_eq!(vyos.use_file, Some("/run/k.conf".into()));

    let fedora = parse("--dont-fork -DD -S local3 -u 027").unwrap();
    assert_eq!(
        (fedora.log_detail, fedora.log_facility, fedora.umask),
        (2, Some(19), Some(0o27))
    );
}

#[test]
fn values_may_be_attached_and_long_names_shortened() {
    assert_eq!(parse("-f/x").unwrap().use_file, Some("/x".into()));
    assert_eq!(parse("--use-file=/x").unwrap().use_file, Some("/x".into()));
    assert_eq!(parse("--use /x").unwrap().use_file, Some("/x".into()));
    assert_eq!(
        parse("-t").unwrap().config_test,
        Some(ConfigTest { log: None })
    );
    assert_eq!(
        parse("-t/log").unwrap().config_test,
        Some(ConfigTest {
            log: Some("/log".into())
        })
    );
    assert_eq!(
        parse("--config-test=/log").unwrap().config_test,
        Some(ConfigTest {
            log: Some("/log".into())
        })
    );
    // A detached word is no value of an optional one.
    assert_eq!(parse("-t /log"), Err(OptionError::Argument("/log".into())));
    assert!(
        parse("--vrrp").unwrap().vrrp,
        "an exact name wins over a longer one"
    );
    assert_eq!(parse("--log"), Err(OptionError::Ambiguous("--log".into())));
}

#[test]
fn mistakes_are_named() {
    assert_eq!(
        parse("--nonsense"),
        Err(OptionError::Unknown("--nonsense".into()))
    );
    assert_eq!(parse("-nZ"), Err(OptionError::Unknown("-Z".into())));
    assert_eq!(parse("-n -f"), Err(OptionError::MissingValue("-f".into())));
    assert_eq!(
        parse("--vrrp=1"),
        Err(OptionError::UnexpectedValue("--vrrp".into()))
    );
    assert!(matches!(
        parse("-S local9"),
        Err(OptionError::BadValue { .. })
    ));
    assert!(matches!(parse("-u 9"), Ok(Options { umask: Some(9), .. })));
    assert!(matches!(parse("-u 08"), Err(OptionError::BadValue { .. })));
}

#[test]
fn signals_have_keepaliveds_numbers() {
    let numbers = ["STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"]
        .map(|name| signal_number(name).unwrap());
    assert_eq!(numbers[..4], [15, 1, 10, 12]);
    assert_eq!(numbers[4], libc::SIGRTMAX() - 1);
    assert_eq!(numbers[5], libc::SIGRTMIN() + 2);
    assert_eq!(signal_number("TDATA"), None);
}

#[test]
fn the_version_text_has_what_exporters_search() {
    let text = version::text();
    assert!(text.starts_with("Keepalived v2.2.7 ("), "{text}");
    assert!(text.contains("--enable-json"));
    assert!(
        text.lines()
            .any(|line| line.starts_with("Config options:") && line.contains("JSON"))
    );
}

#[test]
fn logs_go_where_keepalived_sends_them() {
    let to = |line: &str| settings(parse(line).unwrap()).log_to;
    assert_eq!(
        to("-n -l"),
        LogTo {
            stderr: true,
            syslog: Some(FACILITY_DAEMON)
        }
    );
    assert_eq!(
        to("-n"),
        LogTo {
            stderr: false,
            syslog: Some(FACILITY_DAEMON)
        }
    );
    assert_eq!(
        to("-nlG"),
        LogTo {
            stderr: true,
            syslog: None
        }
    );
    assert_eq!(
        to("-l"),
        LogTo {
            stderr: false,
            syslog: Some(FACILITY_DAEMON)
        }
    );
}
