//! Layout, line by line; that the meaning stays is proved in tests/format.rs.

use super::format;

#[test]
fn every_line_has_its_layout() {
    let cases = [
        ("", ""),
        ("\n\n", ""),
        (
            "global_defs{\nrouter_id   X\n}",
            "global_defs {\n    router_id X\n}\n",
        ),
        ("a\n{\n\tb c\n\n\n\td\n\n}\n", "a {\n    b c\n\n    d\n}\n"),
        (
            "track_script { chk }\nx",
            "track_script {\n    chk\n}\n\nx\n",
        ),
        ("a { b { c } }", "a {\n    b {\n        c\n    }\n}\n"),
        ("a # why\n{\nb}\n", "a # why\n{\n    b\n}\n"),
        (
            "a { # why\nb # and\n  # how  \n}\n",
            "a { # why\n    b # and\n    # how\n}\n",
        ),
        ("script  \"/bin/x  -y\"  u\n", "script \"/bin/x  -y\" u\n"),
        ("script  '/bin/x  -y'\n", "script  '/bin/x  -y'\n"),
        ("auth_pass a\\!b  c !d\n", "auth_pass a\\!b  c !d\n"),
        ("auth_pass a!b\n", "auth_pass a !b\n"),
        ("x \"a!b\"\n", "x \"a!b\"\n"),
        (
            "$A=1\n$B=x \\\n   y  \\\n z\n  a  $A\n",
            "$A=1\n$B=x \\\n   y  \\\n z\na  $A\n",
        ),
        (
            "a {\n~SEQ(i, 1, 3) b { c $i }\nd\n}\n",
            "a {\n    ~SEQ(i, 1, 3) b { c $i }\n    d\n}\n",
        ),
        (
            "@one vrrp_instance A {\n@two vrrp_instance B {\npriority  1\n}\nx\n",
            "@one vrrp_instance A {\n@two vrrp_instance B {\n    priority 1\n}\n\nx\n",
        ),
        (
            "a {\nb ${C} {\nd\n}\n}\n",
            "a {\n    b ${C} {\n        d\n    }\n}\n",
        ),
        ("}\n}\na\n", "}\n}\n\na\n"),
        ("\u{feff}a\r\nb\r\n", "a\nb\n"),
        ("  \"open   \n", "  \"open   \n"),
    ];
    for (text, formatted) in cases {
        assert_eq!(format(text), formatted, "{text:?}");
        assert_eq!(format(formatted), formatted, "again: {text:?}");
    }
}
