//! One test for each law.

/// Makes a module with one test for each law of [`laws::scheme`](crate::laws::scheme), named after the law, for a scheme or a
/// quantizer of your own.
///
/// The expression is evaluated in each test; it sees what is in scope around the macro, and nothing else. After it may stand, in
/// this order and with a semicolon before each:
///
/// - `cases = 64`: the cases of each law, as [`Terms::with_cases`](crate::laws::Terms::with_cases) takes them;
/// - `seed = 7`: other cases, as [`Terms::with_seed`](crate::laws::Terms::with_seed) makes them;
/// - `without { law: "reason" }`: laws that are not promised, listed as ignored tests with the reason. One that is not promised
///   must be named there: a test of a law that is not promised fails and says so.
///
/// # Examples
///
/// ```
/// use tensor_quant::{Ceil, Scheme};
///
/// # fn main() {}
/// tensor_quant::scheme_laws! { symmetric_weights: Scheme::<i8>::symmetric().with_axis(0) }
///
/// tensor_quant::scheme_laws! {
///     a_few_other_cases: Scheme::<i8>::symmetric().with_axis(0);
///     cases = 64;
///     seed = 7;
/// }
///
/// tensor_quant::scheme_laws! {
///     rounded_up: Scheme::<i8>::symmetric().with_rounding(Ceil);
///     without {
///         within_half_a_step: "it rounds up",
///         mse_bound: "it rounds up",
///         sqnr_per_bit: "it rounds up",
///         idempotent: "it rounds up",
///         sign_symmetry: "it rounds up",
///     }
/// }
/// ```
#[macro_export(local_inner_macros)]
macro_rules! scheme_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name scheme check_scheme ($subject) [$(; $($terms)*)?]
            [
                answers codes_in_range mapping restores within_half_a_step within_a_step saturates monotone idempotent
                zero_exact constants no_data nan_policy infinities groups parts order memory_layout threads simd_levels
                sign_symmetry powers_of_two metrics mse_bound sqnr_per_bit
            ]
        }
    };
}

/// Makes a module with one test for each law of [`laws::estimator`](crate::laws::estimator); see
/// [`scheme_laws!`](crate::scheme_laws).
///
/// # Examples
///
/// ```
/// tensor_quant::estimator_laws! { min_max: tensor_quant::range::MinMax::default() }
/// ```
#[macro_export(local_inner_macros)]
macro_rules! estimator_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name estimator check_estimator ($subject) [$(; $($terms)*)?]
            [
                answers no_data non_finite order splits merge merge_commutes merge_associates merge_nothing feed covers hull
                constants powers_of_two sign_symmetry
            ]
        }
    };
}

/// Makes a module with one test for each law of [`laws::calculator`](crate::laws::calculator); see
/// [`scheme_laws!`](crate::scheme_laws).
///
/// # Examples
///
/// ```
/// tensor_quant::calculator_laws! { affine: tensor_quant::params::Affine::default() }
/// ```
#[macro_export(local_inner_macros)]
macro_rules! calculator_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name calculator check_calculator ($subject) [$(; $($terms)*)?]
            [
                answers zero_point_is_a_code zero_exact ends codes_used constants monotone powers_of_two sign_symmetry
                zero_points codes floating_codes
            ]
        }
    };
}

/// Makes a module with one test for each law of [`laws::rounding`](crate::laws::rounding); see
/// [`scheme_laws!`](crate::scheme_laws).
///
/// # Examples
///
/// ```
/// tensor_quant::rounding_laws! { half_away: tensor_quant::HalfAway }
/// ```
#[macro_export(local_inner_macros)]
macro_rules! rounding_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name rounding check_rounding ($subject) [$(; $($terms)*)?]
            [
                identity whole monotone less_than_one_away nearest non_finite index repeatable sign_symmetry
            ]
        }
    };
}

/// Makes a module with one test for each law of [`laws::code`](crate::laws::code); see
/// [`scheme_laws!`](crate::scheme_laws).
///
/// # Examples
///
/// ```
/// tensor_quant::code_laws! { i4: tensor_quant::laws::Standard::<tensor_quant::I4>::new() }
/// ```
#[macro_export(local_inner_macros)]
macro_rules! code_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name code check_code ($subject) [$(; $($terms)*)?]
            [ends round_trip monotone nearest saturates packed_length packing packing_order]
        }
    };
}

/// Makes a module with one test for each law of [`laws::block_format`](crate::laws::block_format); see
/// [`scheme_laws!`](crate::scheme_laws).
///
/// # Examples
///
/// ```
/// tensor_quant::block_format_laws! { q8_0: tensor_quant::block::BlockType::Q8_0 }
/// ```
#[cfg(feature = "blocks")]
#[macro_export(local_inner_macros)]
macro_rules! block_format_laws {
    ($name:ident: $subject:expr $(; $($terms:tt)*)?) => {
        __laws_as_tests! {
            ($) $name block_format check_block_format ($subject) [$(; $($terms)*)?]
            [every_byte repeatable independent zeros idempotent powers_of_two best]
        }
    };
}

/// `($)` stands for the dollar sign, which a macro made by a macro needs for its own variables.
///
/// The subject and the settings are evaluated in an implementation beside the module, where nothing is in scope but what is
/// around the macro: a test is named after its law, and a law has a name that a function of the user's may have, too.
#[doc(hidden)]
#[macro_export]
macro_rules! __laws_as_tests {
    (
        ($d:tt) $name:ident $kind:ident $check:ident ($subject:expr)
        [
            $(; cases = $cases:expr)? $(; seed = $seed:expr)?
            $(; without { $($waived:ident: $reason:literal),* $(,)? })? $(;)?
        ]
        [$($law:ident)*]
    ) => {
        mod $name {
            // A name that is no law does not compile.
            $($(#[allow(unused_imports, reason = "it is there to be looked up")]
            use $crate::laws::$kind::by_name::$waived as _;)*)?

            pub(super) struct Subject;

            macro_rules! test_of {
                $($(($waived $d($body:item)*) => { #[ignore = $reason] #[test] $d($body)* };)*)?
                ($d other:ident $d($body:item)*) => { #[test] $d($body)* };
            }

            $(test_of! { $law
                fn $law() {
                    if let Err(broken) = Subject::check($crate::laws::$kind::by_name::$law) {
                        panic!("{broken}");
                    }
                }
            })*
        }

        #[allow(dead_code, reason = "outside of tests nothing calls it")]
        impl $name::Subject {
            fn check(law: $crate::laws::Law) -> ::core::result::Result<$crate::laws::Verdict, $crate::laws::Broken> {
                let terms = $crate::laws::Terms::default()$(.with_cases($cases))?$(.with_seed($seed))?;
                terms.only(law).$check(&$subject)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::laws::{Law, calculator, code, estimator, rounding, scheme};

    /// A law that a macro forgot would be a law that nobody tests.
    #[test]
    fn the_macros_know_every_law() {
        let text = include_str!("macros.rs");
        let kinds: [&[Law]; 5] = [scheme::LAWS, estimator::LAWS, calculator::LAWS, rounding::LAWS, code::LAWS];
        #[cfg(feature = "blocks")]
        let kinds = kinds.into_iter().chain([crate::laws::block_format::LAWS]);
        for laws in kinds {
            let kind = laws[0].kind;
            let macro_of_kind = text.split(&format!("macro_rules! {kind}_laws")).nth(1).unwrap_or_default();
            let list = macro_of_kind.split("#[macro_export").next().unwrap_or_default();
            let named: Vec<&str> =
                list.split(']').nth(1).unwrap_or_default().split(|c: char| c != '_' && !c.is_alphanumeric()).collect();
            let named: Vec<&str> = named.into_iter().filter(|name| !name.is_empty()).collect();
            assert_eq!(named, laws.iter().map(|law| law.name).collect::<Vec<_>>(), "{kind}");
            assert!(laws.iter().all(|law| law.kind == kind));
        }
    }
}
