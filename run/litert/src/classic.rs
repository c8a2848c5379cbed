//! The classic C API of TensorFlow Lite, `c_api.h`.
//!
//! What makes it sound:
//!
//! 1. Functions are called with the types of `c_api.h`, which have not changed since TensorFlow Lite 2.3.
//! 2. Everything that is made by the functions holds the library: none is called after it was closed.
//! 3. A model's bytes are held, unmoved, as long as the interpreter that reads them; they are dropped after it.
//! 4. Pointers of tensors are asked for anew before each use, and not kept.
//! 5. An interpreter is used through `&mut`, by one thread at a time.

#![expect(unsafe_code, reason = "calls of functions of a C library")]

use crate::functions::functions;
use crate::interpreter::{Given, Interpreter, Place, aligned};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

/// What functions return that have done what they should.
const OK: c_int = 0;

functions! {
    version = "TfLiteVersion": fn() -> *const c_char;
    model_create = "TfLiteModelCreate": fn(*const c_void, usize) -> *mut c_void;
    model_delete = "TfLiteModelDelete": fn(*mut c_void);
    options_create = "TfLiteInterpreterOptionsCreate": fn() -> *mut c_void;
    options_delete = "TfLiteInterpreterOptionsDelete": fn(*mut c_void);
    options_threads = "TfLiteInterpreterOptionsSetNumThreads": fn(*mut c_void, i32);
    create = "TfLiteInterpreterCreate": fn(*const c_void, *const c_void) -> *mut c_void;
    delete = "TfLiteInterpreterDelete": fn(*mut c_void);
    allocate = "TfLiteInterpreterAllocateTensors": fn(*mut c_void) -> c_int;
    invoke = "TfLiteInterpreterInvoke": fn(*mut c_void) -> c_int;
    input_count = "TfLiteInterpreterGetInputTensorCount": fn(*const c_void) -> i32;
    input = "TfLiteInterpreterGetInputTensor": fn(*const c_void, i32) -> *mut c_void;
    resize = "TfLiteInterpreterResizeInputTensor": fn(*mut c_void, i32, *const c_int, i32) -> c_int;
    output_count = "TfLiteInterpreterGetOutputTensorCount": fn(*const c_void) -> i32;
    output = "TfLiteInterpreterGetOutputTensor": fn(*const c_void, i32) -> *const c_void;
    tensor_dims = "TfLiteTensorNumDims": fn(*const c_void) -> i32;
    tensor_dim = "TfLiteTensorDim": fn(*const c_void, i32) -> i32;
    tensor_bytes = "TfLiteTensorByteSize": fn(*const c_void) -> usize;
    tensor_write = "TfLiteTensorCopyFromBuffer": fn(*mut c_void, *const c_void, usize) -> c_int;
    tensor_read = "TfLiteTensorCopyToBuffer": fn(*const c_void, *mut c_void, usize) -> c_int;
}

/// The functions.
#[derive(Clone)]
pub(crate) struct Classic(Arc<Functions>);

impl Classic {
    /// Finds the functions, or returns the name of one that is not there.
    pub(crate) fn find(library: &Arc<libloading::Library>) -> Result<Self, &'static str> {
        Functions::find(library.clone()).map(|functions| Self(Arc::new(functions)))
    }

    /// Returns the version, as in `2.17.1`.
    pub(crate) fn version(&self) -> String {
        // SAFETY: it takes nothing and returns a text that lives as long as the library.
        unsafe {
            let text = (self.0.version)();
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        }
    }

    /// Returns an interpreter of the first subgraph of a model, which has these inputs and outputs.
    pub(crate) fn interpreter(&self, place: &Place<'_>) -> Result<Box<dyn Interpreter>, String> {
        if place.subgraph != 0 {
            return Err("the classic C API runs the first subgraph, and the signature has another".into());
        }
        let session = Session::new(self.0.clone(), place.model)?;
        let (inputs, outputs) = (place.inputs.to_vec(), place.outputs.to_vec());
        Ok(Box::new(Running { session, inputs, outputs }))
    }
}

/// An interpreter that knows which tensors its inputs and outputs are.
struct Running {
    session: Session,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Interpreter for Running {
    fn run(&mut self, inputs: &[Given]) -> Result<(), String> {
        let place = |given: &Given| {
            let place = self.inputs.iter().position(|&input| input == given.value);
            place.ok_or_else(|| format!("tensor {} is no input", given.value))
        };
        let places = inputs.iter().map(place).collect::<Result<Vec<usize>, _>>()?;
        let mut is_resized = false;
        for (&place, given) in places.iter().zip(inputs) {
            if self.session.input_shape(place)? != given.shape {
                self.session.resize(place, &given.shape)?;
                is_resized = true;
            }
        }
        if is_resized {
            self.session.allocate()?;
        }
        for (&place, given) in places.iter().zip(inputs) {
            self.session.write(place, &given.bytes)?;
        }
        self.session.invoke()
    }

    fn output(&mut self, value: usize) -> Result<(Vec<usize>, Vec<u8>), String> {
        let place = self.outputs.iter().position(|&output| output == value);
        self.session.output(place.ok_or_else(|| format!("tensor {value} is no output"))?)
    }
}

/// A model and its interpreter.
struct Session {
    functions: Arc<Functions>,
    interpreter: NonNull<c_void>,
    model: NonNull<c_void>,
    /// What the model was made of, aligned as its constants want it.
    _bytes: Vec<u128>,
}

// SAFETY: an interpreter is not bound to the thread that made it, and is only used by way of `&mut self`.
unsafe impl Send for Session {}

impl Session {
    fn new(functions: Arc<Functions>, model: &[u8]) -> Result<Self, String> {
        let bytes = aligned(model);
        // SAFETY: so many bytes are there, and stay until the model is deleted.
        let created = unsafe { (functions.model_create)(bytes.as_ptr().cast(), model.len()) };
        let model = NonNull::new(created).ok_or("TensorFlow Lite does not read the model")?;
        // SAFETY: options are made, used for one interpreter, and deleted; the interpreter keeps none of them.
        let created = unsafe {
            let options = (functions.options_create)();
            if !options.is_null() {
                (functions.options_threads)(options, 1);
            }
            let created = (functions.create)(model.as_ptr(), options);
            if !options.is_null() {
                (functions.options_delete)(options);
            }
            created
        };
        let Some(interpreter) = NonNull::new(created) else {
            // SAFETY: the model was made above, and nothing uses it.
            unsafe { (functions.model_delete)(model.as_ptr()) };
            return Err(
                "TensorFlow Lite makes no interpreter of the model: it lacks one of its operators, or their versions"
                    .into(),
            );
        };
        let mut session = Self { functions, interpreter, model, _bytes: bytes };
        session.allocate()?;
        Ok(session)
    }

    /// Returns the number of inputs and outputs.
    fn counts(&mut self) -> (usize, usize) {
        let interpreter = self.interpreter.as_ptr();
        // SAFETY: the interpreter lives.
        let counts = unsafe { ((self.functions.input_count)(interpreter), (self.functions.output_count)(interpreter)) };
        (usize::try_from(counts.0).unwrap_or(0), usize::try_from(counts.1).unwrap_or(0))
    }

    /// Gives an input a shape; [`allocate`](Self::allocate) has to follow.
    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), String> {
        let length = |&len: &usize| c_int::try_from(len).map_err(|_| format!("the length {len} is too large"));
        let shape = shape.iter().map(length).collect::<Result<Vec<c_int>, _>>()?;
        let (number, ndim) = (number(input)?, number(shape.len())?);
        // SAFETY: so many lengths are there; the function checks the input's number.
        let status = unsafe { (self.functions.resize)(self.interpreter.as_ptr(), number, shape.as_ptr(), ndim) };
        check(status, || format!("input {input} does not take the shape {shape:?}"))
    }

    /// Makes place for all values.
    fn allocate(&mut self) -> Result<(), String> {
        // SAFETY: the interpreter lives.
        let status = unsafe { (self.functions.allocate)(self.interpreter.as_ptr()) };
        check(status, || "TensorFlow Lite cannot prepare the model for these shapes".into())
    }

    /// Returns the shape of an input.
    fn input_shape(&mut self, input: usize) -> Result<Vec<usize>, String> {
        let tensor = self.input(input)?;
        Ok(self.shape(tensor.as_ptr()))
    }

    /// Writes the elements of an input, of which there must be as many as the input has.
    fn write(&mut self, input: usize, bytes: &[u8]) -> Result<(), String> {
        let tensor = self.input(input)?;
        // SAFETY: so many bytes are there; the function checks that they are as many as the tensor's.
        let status = unsafe { (self.functions.tensor_write)(tensor.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
        check(status, || format!("input {input} does not take {} bytes", bytes.len()))
    }

    /// Runs the model.
    fn invoke(&mut self) -> Result<(), String> {
        // SAFETY: the interpreter lives.
        let status = unsafe { (self.functions.invoke)(self.interpreter.as_ptr()) };
        check(status, || "TensorFlow Lite failed to run the model".into())
    }

    /// Returns the shape and the bytes of an output.
    fn output(&mut self, output: usize) -> Result<(Vec<usize>, Vec<u8>), String> {
        let interpreter = self.interpreter.as_ptr();
        let number = number(output)?;
        let (_, count) = self.counts();
        if output >= count {
            return Err(format!("output {output} of {count}"));
        }
        // SAFETY: there is such an output.
        let tensor = unsafe { (self.functions.output)(interpreter, number) };
        if tensor.is_null() {
            return Err(format!("output {output} is not there"));
        }
        // SAFETY: the tensor lives as long as the interpreter is not changed; the function checks the number of bytes.
        let (bytes, status) = unsafe {
            let mut bytes = vec![0_u8; (self.functions.tensor_bytes)(tensor)];
            let status = (self.functions.tensor_read)(tensor, bytes.as_mut_ptr().cast(), bytes.len());
            (bytes, status)
        };
        // A tensor without elements need not have memory to copy from.
        check(if bytes.is_empty() { OK } else { status }, || format!("output {output} cannot be read"))?;
        Ok((self.shape(tensor), bytes))
    }

    fn input(&mut self, input: usize) -> Result<NonNull<c_void>, String> {
        let number = number(input)?;
        let (count, _) = self.counts();
        if input >= count {
            return Err(format!("input {input} of {count}"));
        }
        // SAFETY: there is such an input.
        let tensor = unsafe { (self.functions.input)(self.interpreter.as_ptr(), number) };
        NonNull::new(tensor).ok_or_else(|| format!("input {input} is not there"))
    }

    /// Returns the shape of a tensor of this interpreter.
    fn shape(&self, tensor: *const c_void) -> Vec<usize> {
        // SAFETY: the tensor lives, and has so many lengths.
        unsafe {
            let ndim = (self.functions.tensor_dims)(tensor);
            (0..ndim).map(|axis| usize::try_from((self.functions.tensor_dim)(tensor, axis)).unwrap_or(0)).collect()
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: both were made by this library, and are not used again; the interpreter goes before the model.
        unsafe {
            (self.functions.delete)(self.interpreter.as_ptr());
            (self.functions.model_delete)(self.model.as_ptr());
        }
    }
}

fn number(place: usize) -> Result<i32, String> {
    i32::try_from(place).map_err(|_| format!("{place} is no place of a tensor"))
}

fn check(status: c_int, reason: impl FnOnce() -> String) -> Result<(), String> {
    if status == OK { Ok(()) } else { Err(reason()) }
}
