//! Long files: a report to look at, not a limit.

use std::path::Path;

/// Lines from which a file is worth a second look.
const LONG: usize = 400;

pub(crate) fn report(root: &Path) -> Result<String, String> {
    let mut long = Vec::new();
    let files = crate::sources(root);
    let mut total = 0;
    for path in &files {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let lines = text.lines().count();
        total += lines;
        if lines > LONG {
            long.push((
                lines,
                path.strip_prefix(root)
                    .unwrap_or(path)
                    .display()
                    .to_string(),
            ));
        }
    }
    long.sort_by(|a, b| b.cmp(a));
    let mut out = format!(
        "sizes: {} files, {total} lines, {} files over {LONG}",
        files.len(),
        long.len()
    );
    for (lines, path) in long {
        out += &format!("\n{lines:6} {path}");
    }
    Ok(out)
}
