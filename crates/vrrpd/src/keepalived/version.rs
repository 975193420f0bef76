//! What `-v` prints, on standard error as keepalived does.
//!
//! Exporters read the version after `Keepalived v`, and look for `--enable-json` (keepalived-exporter) or `JSON`
//! among the config options (others) before they ask for a JSON dump.

/// The keepalived release whose behaviour and file formats are kept.
pub(crate) const COMPATIBLE: &str = "2.2.7";

pub(crate) fn text() -> String {
    format!(
        "Keepalived v{COMPATIBLE} (compatible; this is vrrpd {own})\n\n\
         configure options: --enable-json --disable-lvs\n\n\
         Config options:  VRRP VRRP_AUTH JSON SYSTEMD_NOTIFY\n",
        own = env!("CARGO_PKG_VERSION"),
    )
}
