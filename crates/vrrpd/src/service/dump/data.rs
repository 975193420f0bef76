//! keepalived.data
use crate::daemon::View;
pub(super) fn text(_view: &View) -> String { String::new() }
