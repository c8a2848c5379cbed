//! The C API of LiteRT 2.3: compiled models and tensor buffers.
//!
//! What makes it sound, beside what the classic API needs, too:
//!
//! 1. Functions are called with the types of LiteRT 2.3. A library with other names is refused before any is called: the function
//!    that makes a model has had one argument less before.
//! 2. Handles are destroyed once, in the order buffers, compiled model, options, model, environment.
//! 3. A buffer is read and written while it is locked, and as far as it says it is long.

#![expect(unsafe_code, reason = "calls of functions of a C library")]

use crate::functions::functions;
use crate::interpreter::{Given, Interpreter, Place, aligned};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::Arc;

/// What functions return that have done what they should.
const OK: c_int = 0;
/// The accelerator that every machine has.
const CPU: c_int = 1;
const READ: c_int = 0;
const WRITE: c_int = 1;
/// The most dimensions that a layout has.
const MAX_DIMENSIONS: usize = 8;

/// The lengths of a tensor.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Layout {
    /// The number of dimensions in 7 bits, and a bit that tells whether there are strides.
    rank: u32,
    lengths: [i32; MAX_DIMENSIONS],
    strides: [u32; MAX_DIMENSIONS],
}

/// The type and the lengths of a tensor.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Type {
    element: c_int,
    layout: Layout,
}

const _: () = assert!(size_of::<Type>() == 72, "LiteRtRankedTensorType has 72 bytes");

impl Layout {
    fn shape(&self) -> Vec<usize> {
        let rank = (self.rank & 0x7f) as usize;
        self.lengths.iter().take(rank).map(|&len| usize::try_from(len).unwrap_or(1)).collect()
    }

    fn of(shape: &[usize]) -> Result<Self, String> {
        if shape.len() > MAX_DIMENSIONS {
            return Err(format!("{} dimensions, and LiteRT has at most {MAX_DIMENSIONS}", shape.len()));
        }
        let mut layout = Self { rank: shape.len() as u32, ..Self::default() };
        for (own, &len) in layout.lengths.iter_mut().zip(shape) {
            *own = i32::try_from(len).map_err(|_| format!("the length {len} is too large"))?;
        }
        Ok(layout)
    }
}

type Handle = *mut c_void;

functions! {
    environment_create = "LiteRtCreateEnvironment": fn(c_int, *const c_void, *mut Handle) -> c_int;
    environment_destroy = "LiteRtDestroyEnvironment": fn(Handle);
    model_create = "LiteRtCreateModelFromBuffer": fn(Handle, *const c_void, usize, *mut Handle) -> c_int;
    model_destroy = "LiteRtDestroyModel": fn(Handle);
    signature_count = "LiteRtGetNumModelSignatures": fn(Handle, *mut usize) -> c_int;
    signature = "LiteRtGetModelSignature": fn(Handle, usize, *mut Handle) -> c_int;
    input_count = "LiteRtGetNumSignatureInputs": fn(Handle, *mut usize) -> c_int;
    output_count = "LiteRtGetNumSignatureOutputs": fn(Handle, *mut usize) -> c_int;
    input = "LiteRtGetSignatureInputTensorByIndex": fn(Handle, usize, *mut Handle) -> c_int;
    output = "LiteRtGetSignatureOutputTensorByIndex": fn(Handle, usize, *mut Handle) -> c_int;
    tensor_index = "LiteRtGetTensorIndex": fn(Handle, *mut u32) -> c_int;
    tensor_type = "LiteRtGetRankedTensorType": fn(Handle, *mut Type) -> c_int;
    options_create = "LiteRtCreateOptions": fn(*mut Handle) -> c_int;
    options_destroy = "LiteRtDestroyOptions": fn(Handle);
    options_accelerators = "LiteRtSetOptionsHardwareAccelerators": fn(Handle, c_int) -> c_int;
    compile = "LiteRtCreateCompiledModel": fn(Handle, Handle, Handle, *mut Handle) -> c_int;
    compiled_destroy = "LiteRtDestroyCompiledModel": fn(Handle);
    resize = "LiteRtCompiledModelResizeInputTensor": fn(Handle, usize, usize, *const c_int, usize) -> c_int;
    input_requirements = "LiteRtGetCompiledModelInputBufferRequirements": fn(Handle, usize, usize, *mut Handle) -> c_int;
    output_requirements = "LiteRtGetCompiledModelOutputBufferRequirements": fn(Handle, usize, usize, *mut Handle) -> c_int;
    output_layouts = "LiteRtGetCompiledModelOutputTensorLayouts": fn(Handle, usize, usize, *mut Layout, bool) -> c_int;
    buffer_create = "LiteRtCreateManagedTensorBufferFromRequirements": fn(Handle, *const Type, Handle, *mut Handle) -> c_int;
    buffer_destroy = "LiteRtDestroyTensorBuffer": fn(Handle);
    buffer_size = "LiteRtGetTensorBufferPackedSize": fn(Handle, *mut usize) -> c_int;
    buffer_lock = "LiteRtLockTensorBuffer": fn(Handle, *mut *mut c_void, c_int) -> c_int;
    buffer_unlock = "LiteRtUnlockTensorBuffer": fn(Handle) -> c_int;
    run = "LiteRtRunCompiledModel": fn(Handle, usize, usize, *mut Handle, usize, *mut Handle) -> c_int;
}

/// The functions.
#[derive(Clone)]
pub(crate) struct Compiled(Arc<Functions>);

impl Compiled {
    /// Finds the functions, or returns the name of one that is not there.
    pub(crate) fn find(library: &Arc<libloading::Library>) -> Result<Self, &'static str> {
        // What came with the environment as an argument of all that makes something.
        let marker = "kLiteRtRuntimeBuiltin";
        // SAFETY: the symbol is looked for, and not used.
        let is_there = unsafe { library.get::<*const c_void>(marker.as_bytes()).is_ok() };
        if !is_there {
            return Err(marker);
        }
        Functions::find(library.clone()).map(|functions| Self(Arc::new(functions)))
    }

    /// Returns an interpreter of a signature.
    pub(crate) fn interpreter(&self, place: &Place<'_>) -> Result<Box<dyn Interpreter>, String> {
        let mut session = Session {
            functions: self.0.clone(),
            bytes: aligned(place.model),
            signature: place.signature,
            environment: null_mut(),
            model: null_mut(),
            options: null_mut(),
            compiled: null_mut(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        // What was made before something failed is destroyed with the session.
        session.open(place.model.len())?;
        Ok(Box::new(session))
    }
}

/// An input or output.
struct Port {
    /// The number of its tensor in the subgraph.
    value: usize,
    tensor: Type,
    /// Null before the first run.
    buffer: Handle,
}

/// A compiled model with its buffers.
struct Session {
    functions: Arc<Functions>,
    bytes: Vec<u128>,
    signature: usize,
    environment: Handle,
    model: Handle,
    options: Handle,
    compiled: Handle,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

// SAFETY: nothing of it is bound to the thread that made it, and it is only used by way of `&mut self`.
unsafe impl Send for Session {}

impl Session {
    /// Makes all but the buffers.
    fn open(&mut self, len: usize) -> Result<(), String> {
        let f = &self.functions;
        // SAFETY: each handle is made by its function, and given to functions of its kind; the model's bytes stay where they are.
        unsafe {
            check((f.environment_create)(0, std::ptr::null(), &raw mut self.environment), "makes no environment")?;
            let made = (f.model_create)(self.environment, self.bytes.as_ptr().cast(), len, &raw mut self.model);
            check(made, "does not read the model")?;
            check((f.options_create)(&raw mut self.options), "makes no options")?;
            check((f.options_accelerators)(self.options, CPU), "does not take options")?;
            let made = (f.compile)(self.environment, self.model, self.options, &raw mut self.compiled);
            check(made, "does not compile the model: it lacks one of its operators, or their versions")?;
            let mut signatures = 0;
            check((f.signature_count)(self.model, &raw mut signatures), "tells no signatures")?;
            if self.signature >= signatures {
                return Err(format!(
                    "LiteRT finds {signatures} signatures, and number {} is asked for",
                    self.signature
                ));
            }
            let mut signature = null_mut();
            check((f.signature)(self.model, self.signature, &raw mut signature), "has no such signature")?;
            let (mut inputs, mut outputs) = (0, 0);
            check((f.input_count)(signature, &raw mut inputs), "tells no inputs")?;
            check((f.output_count)(signature, &raw mut outputs), "tells no outputs")?;
            for (count, tensor_of, ports) in
                [(inputs, f.input, &mut self.inputs), (outputs, f.output, &mut self.outputs)]
            {
                for number in 0..count {
                    let (mut tensor, mut value, mut kind) = (null_mut(), 0, Type::default());
                    check(tensor_of(signature, number, &raw mut tensor), "has no such tensor")?;
                    check((f.tensor_index)(tensor, &raw mut value), "does not tell which tensor it is")?;
                    check((f.tensor_type)(tensor, &raw mut kind), "does not tell the type of a tensor")?;
                    ports.push(Port { value: value as usize, tensor: kind, buffer: null_mut() });
                }
            }
        }
        Ok(())
    }

    /// Gives inputs the shapes of what is given, where they have others, and makes buffers where that is needed.
    fn prepare(&mut self, given: &HashMap<usize, &Given>) -> Result<(), String> {
        let mut is_resized = false;
        for (number, port) in self.inputs.iter_mut().enumerate() {
            let given = given.get(&port.value).ok_or_else(|| format!("input {} is not given", port.value))?;
            let is_any = port.tensor.layout.lengths.iter().take(given.shape.len()).any(|&len| len < 0);
            if !is_any && port.tensor.layout.shape() == given.shape {
                continue;
            }
            let layout = Layout::of(&given.shape)?;
            // SAFETY: there are so many lengths.
            let status = unsafe {
                let (lengths, count) = (layout.lengths.as_ptr(), given.shape.len());
                (self.functions.resize)(self.compiled, self.signature, number, lengths, count)
            };
            check(status, &format!("does not take the shape {:?}", given.shape))?;
            port.tensor.layout = layout;
            self.functions.drop_buffer(&mut port.buffer);
            is_resized = true;
        }
        if is_resized || self.outputs.iter().any(|port| port.buffer.is_null()) {
            self.update_outputs(true)?;
        }
        for (number, port) in self.inputs.iter_mut().enumerate().filter(|(_, port)| port.buffer.is_null()) {
            let f = &self.functions;
            // SAFETY: the requirements are the compiled model's, and are used at once.
            port.buffer = unsafe {
                f.buffer(self.environment, self.compiled, f.input_requirements, [self.signature, number], &port.tensor)?
            };
        }
        Ok(())
    }

    /// Makes buffers for outputs whose shapes are not those of their buffers; returns whether there were any.
    fn update_outputs(&mut self, allocate: bool) -> Result<bool, String> {
        let mut layouts = vec![Layout::default(); self.outputs.len()];
        // SAFETY: there is place for so many layouts.
        let status = unsafe {
            let count = layouts.len();
            (self.functions.output_layouts)(self.compiled, self.signature, count, layouts.as_mut_ptr(), allocate)
        };
        check(status, "does not tell the shapes of outputs")?;
        let mut is_changed = false;
        for (number, (port, layout)) in self.outputs.iter_mut().zip(layouts).enumerate() {
            let shape = layout.shape();
            if !port.buffer.is_null() && port.tensor.layout.shape() == shape {
                continue;
            }
            is_changed = true;
            port.tensor.layout = Layout::of(&shape)?;
            self.functions.drop_buffer(&mut port.buffer);
            let f = &self.functions;
            // SAFETY: as for inputs.
            port.buffer = unsafe {
                f.buffer(
                    self.environment,
                    self.compiled,
                    f.output_requirements,
                    [self.signature, number],
                    &port.tensor,
                )?
            };
        }
        Ok(is_changed)
    }

    fn invoke(&mut self) -> Result<(), String> {
        let mut inputs: Vec<Handle> = self.inputs.iter().map(|port| port.buffer).collect();
        let mut outputs: Vec<Handle> = self.outputs.iter().map(|port| port.buffer).collect();
        // SAFETY: all buffers are there, as many as the signature has.
        let status = unsafe {
            let (ins, outs) = (inputs.as_mut_ptr(), outputs.as_mut_ptr());
            (self.functions.run)(self.compiled, self.signature, inputs.len(), ins, outputs.len(), outs)
        };
        check(status, "failed to run the model")
    }
}

impl Functions {
    /// Returns a buffer for a tensor of a signature.
    ///
    /// # Safety
    ///
    /// The environment and the compiled model live, and `requirements` is one of its two functions.
    unsafe fn buffer(
        &self,
        environment: Handle,
        compiled: Handle,
        requirements: unsafe extern "C" fn(Handle, usize, usize, *mut Handle) -> c_int,
        [signature, number]: [usize; 2],
        tensor: &Type,
    ) -> Result<Handle, String> {
        let (mut needs, mut buffer) = (null_mut(), null_mut());
        // SAFETY: passed on to the caller.
        unsafe {
            check(requirements(compiled, signature, number, &raw mut needs), "does not tell what a buffer needs")?;
            check((self.buffer_create)(environment, tensor, needs, &raw mut buffer), "makes no buffer")?;
        }
        Ok(buffer)
    }

    /// Destroys a buffer, if there is one.
    fn drop_buffer(&self, buffer: &mut Handle) {
        let buffer = std::mem::replace(buffer, null_mut());
        if !buffer.is_null() {
            // SAFETY: it was made by the library, and is forgotten here.
            unsafe { (self.buffer_destroy)(buffer) };
        }
    }

    /// Calls `with` with the place and the length of a buffer, which is locked meanwhile.
    fn locked<T>(
        &self,
        buffer: Handle,
        mode: c_int,
        with: impl FnOnce(*mut u8, usize) -> Result<T, String>,
    ) -> Result<T, String> {
        if buffer.is_null() {
            return Err("the model has not run".into());
        }
        let (mut len, mut place) = (0, null_mut());
        // SAFETY: the buffer lives; its place is valid for so many bytes until it is unlocked.
        unsafe {
            check((self.buffer_size)(buffer, &raw mut len), "does not tell the length of a buffer")?;
            check((self.buffer_lock)(buffer, &raw mut place, mode), "does not lock a buffer")?;
            let result = with(place.cast(), len);
            check((self.buffer_unlock)(buffer), "does not unlock a buffer")?;
            result
        }
    }
}

impl Interpreter for Session {
    fn run(&mut self, inputs: &[Given]) -> Result<(), String> {
        let given: HashMap<usize, &Given> = inputs.iter().map(|given| (given.value, given)).collect();
        self.prepare(&given)?;
        for port in &self.inputs {
            let Some(given) = given.get(&port.value) else { continue };
            self.functions.locked(port.buffer, WRITE, |place, len| {
                if len != given.bytes.len() {
                    return Err(format!("input {} takes {len} bytes, and is given {}", port.value, given.bytes.len()));
                }
                // SAFETY: both are so long, and apart.
                unsafe { std::ptr::copy_nonoverlapping(given.bytes.as_ptr(), place, len) };
                Ok(())
            })?;
        }
        self.invoke()?;
        // Shapes that only a run tells: with buffers for these it runs again.
        if self.update_outputs(false)? { self.invoke() } else { Ok(()) }
    }

    fn output(&mut self, value: usize) -> Result<(Vec<usize>, Vec<u8>), String> {
        let port = self.outputs.iter().find(|port| port.value == value);
        let port = port.ok_or_else(|| format!("tensor {value} is no output"))?;
        let bytes = self.functions.locked(port.buffer, READ, |place, len| {
            let mut bytes = vec![0_u8; len];
            // SAFETY: both are so long, and apart.
            unsafe { std::ptr::copy_nonoverlapping(place.cast_const(), bytes.as_mut_ptr(), len) };
            Ok(bytes)
        })?;
        Ok((port.tensor.layout.shape(), bytes))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let f = self.functions.clone();
        for port in self.inputs.iter_mut().chain(&mut self.outputs) {
            f.drop_buffer(&mut port.buffer);
        }
        let destroy = |handle: Handle, function: unsafe extern "C" fn(Handle)| {
            if !handle.is_null() {
                // SAFETY: it was made by the library, and is not used again.
                unsafe { function(handle) };
            }
        };
        destroy(self.compiled, f.compiled_destroy);
        destroy(self.options, f.options_destroy);
        destroy(self.model, f.model_destroy);
        destroy(self.environment, f.environment_destroy);
    }
}

fn check(status: c_int, reason: &str) -> Result<(), String> {
    if status == OK { Ok(()) } else { Err(format!("LiteRT {reason} (status {status})")) }
}
