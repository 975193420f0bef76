use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn keepalived_is_known_by_name_or_by_its_options() {
    let cases = [
        ("vrrpd run -f x", false),
        ("vrrpd", false),
        ("vrrpd --help", false),
        ("vrrpd -h", false),
        ("vrrpd -V", false),
        ("vrrpd --version", false),
        ("/usr/sbin/keepalived", true),
        ("keepalived --version", true),
        ("vrrpd -nlDP -f x", true),
        ("vrrpd -t", true),
        ("vrrpd -v", true),
        ("vrrpd -V -n", true),
        ("vrrpd --signum=JSON", true),
    ];
    for (line, keepalived) in cases {
        assert_eq!(is_keepalived(&words(line)), keepalived, "{line}");
    }
}
