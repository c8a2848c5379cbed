//! Functions of a C library, found by their names.

/// Declares a struct of functions, each with its field, its name in the library and its type, and what finds them.
///
/// The struct holds the library: the functions are valid as long as it lives.
macro_rules! functions {
    ($($field:ident = $name:literal : fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions {
            $($field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            _library: std::sync::Arc<libloading::Library>,
        }

        impl Functions {
            /// Finds all of them, or returns the name of one that is not there.
            fn find(library: std::sync::Arc<libloading::Library>) -> Result<Self, &'static str> {
                Ok(Self {
                    $($field: {
                        // SAFETY: the function of this name has this type in the library's headers; it is kept beside the library.
                        let function = unsafe {
                            library.get::<unsafe extern "C" fn($($argument),*) $(-> $result)?>(concat!($name, "\0").as_bytes())
                        };
                        *function.map_err(|_| $name)?
                    },)*
                    _library: library,
                })
            }
        }
    };
}
pub(crate) use functions;
