//! The laws of a kind, each with its check.

/// Defines the laws of a kind: a documented constant each, the list of them all, their checks, and the names by which the
/// macros refer to them.
macro_rules! laws {
    ($kind:literal of $subject:ty: $($constant:ident = $name:ident($statement:literal, $why:literal) by $check:path;)*) => {
        $(
            #[doc = concat!("`", $statement, "`")]
            #[doc = ""]
            #[doc = $why]
            pub const $constant: $crate::laws::Law =
                $crate::laws::Law { kind: $kind, name: stringify!($name), statement: $statement, why: $why };
        )*

        /// All of them, in the order in which they are checked.
        pub const LAWS: &[$crate::laws::Law] = &[$($constant),*];

        /// How each is checked.
        pub(super) const CHECKS: &[fn(&$subject, &$crate::laws::trials::Trials) -> core::result::Result<(), $crate::laws::trials::Breach>] =
            &[$($check),*];

        #[doc(hidden)]
        pub mod by_name {
            $(pub use super::$constant as $name;)*
        }
    };
}

pub(super) use laws;
