//! File name patterns as glob(3) has them: `*`, `?`, `[a-z]`, `[!a]`, `\x`, and `{a,b}` lists.
//! Matching takes at most (pattern × name) steps; a brace list yields at most [`MAX_ALTERNATIVES`] patterns.

/// More alternatives than this in one pattern are not looked at.
pub(crate) const MAX_ALTERNATIVES: usize = 256;

/// More paths than this are not looked at.
const MOST: usize = 8192;

/// Whether `pattern` holds a character that makes it a pattern.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// The alternatives of the brace lists in `pattern`, in order; `pattern` itself without any.
pub(crate) fn braces(pattern: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut todo = vec![pattern.to_owned()];
    while let Some(pattern) = todo.pop() {
        match first_list(&pattern) {
            Some((before, items, after))
                if todo.len() + out.len() + items.len() <= MAX_ALTERNATIVES =>
            {
                todo.extend(
                    items
                        .iter()
                        .rev()
                        .map(|item| format!("{before}{item}{after}")),
                );
            }
            _ => out.push(pattern),
        }
    }
    out
}

/// The first `{..}` of `pattern`: what stands before it, its items, what stands after it.
fn first_list(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = pattern.find('{')?;
    let (before, rest) = (pattern.get(..open)?, pattern.get(open + 1..)?);
    let mut depth = 0_usize;
    let mut start = 0;
    let mut items = Vec::new();
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 0 => {
                items.push(rest.get(start..at)?);
                start = at + 1;
            }
            b'}' if depth == 0 => {
                items.push(rest.get(start..at)?);
                return Some((before, items, rest.get(at + 1..)?));
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// All paths that match `pattern`, in byte order. `list` names the entries of a directory, `exists` tells
/// whether a path without wildcards is there.
pub(crate) fn expand(
    pattern: &str,
    list: &dyn Fn(&str) -> Vec<String>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let (root, pattern) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let mut found = vec![root.to_owned()];
    let parts = pattern
        .split('/')
        .filter(|part| !part.is_empty())
        .peekable();
    for part in parts {
        let mut next = Vec::new();
        for directory in &found {
            if is_pattern(part) {
                let mut names = list(directory);
                names.sort();
                let visible = |name: &&String| part.starts_with('.') || !name.starts_with('.');
                let names = names
                    .iter()
                    .filter(visible)
                    .filter(|name| matches(part, name));
                next.extend(names.map(|name| join(directory, name)));
            } else {
                next.push(join(directory, part));
            }
        }
        // More files than this are never read.
        next.truncate(MOST);
        found = next;
    }
    found.retain(|path| exists(path));
    found
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() || directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

/// Whether the one path component `name` matches `pattern`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = name.get(n) {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if let Some(after) = one(&pattern, p, c) {
            p = after;
            n += 1;
        } else if let Some((after_star, from)) = star {
            star = Some((after_star, from + 1));
            p = after_star;
            n = from + 1;
        } else {
            return false;
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|&c| c == '*'))
}

/// Matches one character at `p`; where the pattern goes on.
fn one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match *pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => class(pattern, p, c).unwrap_or_else(|| (c == '[').then_some(p + 1)),
        '\\' => pattern
            .get(p + 1)
            .filter(|&&escaped| escaped == c)
            .map(|_| p + 2),
        literal => (literal == c).then_some(p + 1),
    }
}

/// A `[..]` at `p`: `None` if it is not closed, else where the pattern goes on if `c` is in it.
fn class(pattern: &[char], p: usize, c: char) -> Option<Option<usize>> {
    let negated = matches!(pattern.get(p + 1), Some('!' | '^'));
    let mut at = p + 1 + usize::from(negated);
    let mut inside = false;
    let mut first = true;
    loop {
        let &low = pattern.get(at)?;
        if low == ']' && !first {
            return Some((inside != negated).then_some(at + 1));
        }
        first = false;
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(&high)) if high != ']' => {
                inside |= (low..=high).contains(&c);
                at += 3;
            }
            _ => {
                inside |= low == c;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_glob_does() {
        let cases = [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("[a-c]?", "b9", true),
            ("[!a-c]?", "b9", false),
            ("[]x]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*", "", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} against {name}");
        }
    }

    #[test]
    fn brace_lists_multiply_in_order() {
        assert_eq!(braces("x{a,b}{1,2}"), ["xa1", "xa2", "xb1", "xb2"]);
        assert_eq!(braces("{a,{b,c}d}"), ["a", "bd", "cd"]);
        assert_eq!(braces("no{closing"), ["no{closing"]);
        assert!(braces(&"{a,b}".repeat(64)).len() <= MAX_ALTERNATIVES);
    }
}
