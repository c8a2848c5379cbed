//! Slices of any code type, by value: what is done with them is compiled once, in this crate, and not for each type that a
//! caller uses.

use super::CodeType;
use super::code_type::for_each_code_type;
use core::ops::Range;

macro_rules! define {
    ($($variant:ident($code:ty) $layout:ident $aliases:tt;)*) => {
        /// Codes of any type.
        #[derive(Clone, Copy, Debug)]
        pub enum Codes<'a> {
            $($variant(&'a [$code]),)*
        }

        /// Where codes of any type are written.
        #[derive(Debug)]
        pub enum CodesMut<'a> {
            $($variant(&'a mut [$code]),)*
        }

        impl<'a> Codes<'a> {
            /// Returns the number of codes.
            pub fn len(&self) -> usize {
                match self {
                    $(Codes::$variant(codes) => codes.len(),)*
                }
            }

            /// Returns the codes of a range.
            #[must_use]
            pub fn part(&self, range: Range<usize>) -> Codes<'a> {
                match self {
                    $(Codes::$variant(codes) => Codes::$variant(&codes[range]),)*
                }
            }
        }

        impl<'a> CodesMut<'a> {
            /// Returns the number of codes.
            pub fn len(&self) -> usize {
                match self {
                    $(CodesMut::$variant(codes) => codes.len(),)*
                }
            }

            /// Returns the type of the codes.
            pub fn code_type(&self) -> CodeType {
                match self {
                    $(CodesMut::$variant(_) => CodeType::$variant,)*
                }
            }

            /// Returns the place of a range of the codes.
            pub fn part(&mut self, range: Range<usize>) -> CodesMut<'_> {
                match self {
                    $(CodesMut::$variant(codes) => CodesMut::$variant(&mut codes[range]),)*
                }
            }

            /// Returns the places before and from an index on.
            pub fn split_at(self, at: usize) -> (CodesMut<'a>, CodesMut<'a>) {
                match self {
                    $(CodesMut::$variant(codes) => {
                        let (before, after) = codes.split_at_mut(at);
                        (CodesMut::$variant(before), CodesMut::$variant(after))
                    })*
                }
            }
        }
    };
}

for_each_code_type! { define }

macro_rules! conversions {
    ($($variant:ident($code:ty) $layout:ident $aliases:tt;)*) => {
        $(
            impl SliceOfCodes for $code {
                #[inline(always)]
                fn codes(codes: &[Self]) -> Codes<'_> {
                    Codes::$variant(codes)
                }

                #[inline(always)]
                fn codes_mut(codes: &mut [Self]) -> CodesMut<'_> {
                    CodesMut::$variant(codes)
                }
            }
        )*
    };
}

for_each_code_type! { conversions }

/// A code type of which [`Codes`] and [`CodesMut`] have a variant.
pub trait SliceOfCodes: Sized {
    /// Returns the slice, whatever its type.
    fn codes(codes: &[Self]) -> Codes<'_>;
    /// Returns the slice to be written, whatever its type.
    fn codes_mut(codes: &mut [Self]) -> CodesMut<'_>;
}
