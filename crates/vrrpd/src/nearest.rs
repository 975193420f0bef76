//! Did you mean …?

/// The one of `names` that `word` is probably a misspelling of.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|name| (distance(word, name), name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    // More than half of it different is no misspelling; `eth0` for `ens3` is worth a question.
    (distance * 2 <= word.len().max(name.len()) + 1).then_some(name)
}

/// Levenshtein's: how many octets to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in (1..).zip(a.bytes()) {
        let mut diagonal = core::mem::replace(row.first_mut().unwrap_or(&mut 0), line);
        let mut left = line;
        for (y, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(x != y))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = core::mem::replace(cell, best);
            left = best;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_found_and_strangers_are_not() {
        let names = || ["eth0", "enp3s0", "wlan0"].into_iter();
        assert_eq!(nearest("eht0", names()), Some("eth0"));
        assert_eq!(nearest("eth1", names()), Some("eth0"));
        assert_eq!(nearest("enp3s1", names()), Some("enp3s0"));
        assert_eq!(nearest("bond-internal", names()), None);
        assert_eq!(nearest("x", [].into_iter()), None);
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }
}
