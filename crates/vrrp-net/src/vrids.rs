//! A set of virtual router identifiers.

use vrrp_proto::Vrid;

/// Which virtual routers packets are expected for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VridSet([u64; 4]);

impl VridSet {
    /// Whether `vrid` is in it. 0 never is: it is no virtual router.
    pub const fn contains(&self, vrid: u8) -> bool {
        let [a, b, c, d] = self.0;
        let word = match vrid >> 6 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        };
        word >> (vrid & 63) & 1 == 1
    }

    /// The set as bits, that of 0 first.
    pub const fn words(&self) -> [u64; 4] {
        self.0
    }
}

impl FromIterator<Vrid> for VridSet {
    fn from_iter<I: IntoIterator<Item = Vrid>>(vrids: I) -> Self {
        let mut set = Self::default();
        for vrid in vrids {
            if let Some(word) = set.0.get_mut(usize::from(vrid.get() >> 6)) {
                *word |= 1 << (vrid.get() & 63);
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let some = [1, 63, 64, 128, 200, 255];
        let set: VridSet = some.into_iter().filter_map(Vrid::new).collect();
        let held: Vec<u8> = (0..=255).filter(|vrid| set.contains(*vrid)).collect();
        assert_eq!(held, some);
        assert!(!VridSet::default().contains(1));
    }
}
