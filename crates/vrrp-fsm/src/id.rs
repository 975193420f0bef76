//! Stable small numbers, given by whoever makes the configuration.
//!
//! A kernel's ifindex changes when a link is made anew; these do not. A reload is a difference by
//! [`RouterId`], so the caller keeps an id for as long as it means the same virtual router.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(pub u32);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A virtual router: one VRID, one family, one interface.
    RouterId
}
id! {
    /// A network interface.
    IfaceId
}
id! {
    /// Something tracked that is no interface.
    TrackId
}
id! {
    /// A sync group.
    GroupId
}
