//! From a tree of tables to a file.
//!
//! 1. Tables are laid down front to back, each before what it refers to: offsets in a flatbuffer only lead forward.
//!    Vtables are written once for all tables of a kind that have the same fields.
//! 2. Vectors of numbers and texts follow, each content once: the zero points of a hundred channels serve every tensor
//!    with a hundred channels.
//! 3. Large data come last, 16-aligned, and are copied from where they are: the tables' bytes are all that is held.
//!    Beyond 2 GiB, which an offset cannot span, buffers stand behind the flatbuffer, at positions that the tables name.
//!
//! (A builder of the `flatbuffers` crate writes back to front and holds the whole file; it also has to know a table's
//! fields to write it.)

use super::schema::BUFFER;
use super::schema::buffer;
use super::source::Source;
use super::tree::{Child, Data, Table, Vector};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::io::Write;

/// The farthest that an offset may lead.
const LIMIT: u64 = i32::MAX as u64;
/// Buffers shorter than this stay in the flatbuffer when others stand behind it.
pub(super) const OUTSIDE: u64 = 1024;
/// Vectors up to this many bytes are written once for all that have the same content.
const SHARED: u64 = 1 << 14;
/// Bytes that are copied at once.
const CHUNK: usize = 1 << 18;
/// Where data begin: XNNPACK and the schema ask for it.
const ALIGN: u64 = 16;

/// A file that is ready to be written: what is before the large data, and where they go.
pub(super) struct Layout<'a> {
    head: Vec<u8>,
    /// In the order of their positions.
    payloads: Vec<Payload<'a>>,
    end: u64,
}

struct Payload<'a> {
    at: u64,
    /// The number of elements, which stands before a vector's data.
    count: Option<u32>,
    data: &'a Data,
}

/// Returns the layout of a file, or `None` if its tables alone are longer than an offset can span. `tail` is where what is to
/// follow the flatbuffer began in the file that was read.
pub(super) fn lay_out(root: &Table, tail: Option<u64>) -> Option<Layout<'_>> {
    Writer::default().lay_out(root, tail).or_else(|| lay_out_outside(root, tail))
}

/// The same with the buffers behind the flatbuffer, where no offset spans them.
pub(super) fn lay_out_outside(root: &Table, tail: Option<u64>) -> Option<Layout<'_>> {
    Writer { buffers_outside: true, ..Writer::default() }.lay_out(root, tail)
}

impl Layout<'_> {
    /// Returns where the file ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Writes the file; data that are not held come from `source`.
    pub(super) fn write(
        &self,
        source: &Source,
        out: &mut impl Write,
        failed: &impl Fn(std::io::Error) -> Error,
    ) -> Result<()> {
        out.write_all(&self.head).map_err(failed)?;
        let mut at = self.head.len() as u64;
        for payload in &self.payloads {
            let prefix = payload.count.map(u32::to_le_bytes);
            let prefix = prefix.as_ref().map_or(&[][..], |bytes| bytes);
            pad(out, payload.at - prefix.len() as u64 - at).map_err(failed)?;
            out.write_all(prefix).map_err(failed)?;
            copy(payload.data, source, out, failed)?;
            at = payload.at + payload.data.len();
        }
        pad(out, self.end - at).map_err(failed)
    }
}

/// Copies bytes that are held or stand in the file that was read.
pub(super) fn copy(
    data: &Data,
    source: &Source,
    out: &mut impl Write,
    failed: &impl Fn(std::io::Error) -> Error,
) -> Result<()> {
    match data {
        Data::Held(bytes) => out.write_all(bytes).map_err(failed),
        &Data::File { start, len } => {
            let mut chunk = vec![0; CHUNK.min(len as usize)];
            let mut done = 0;
            while done < len {
                let n = (len - done).min(CHUNK as u64) as usize;
                source.read_into(start + done, &mut chunk[..n])?;
                out.write_all(&chunk[..n]).map_err(failed)?;
                done += n as u64;
            }
            Ok(())
        }
    }
}

fn pad(out: &mut impl Write, count: u64) -> std::io::Result<()> {
    out.write_all(&[0; 64][..count.min(64) as usize])
}

#[derive(Default)]
struct Writer<'a> {
    head: Vec<u8>,
    vtables: HashMap<Vec<u8>, usize>,
    /// Where a reference stands, and the vector that it will lead to.
    vectors: Vec<(usize, &'a Vector)>,
    /// Where a start and a length stand, and the data behind the flatbuffer that they will tell.
    outside: Vec<(usize, usize, &'a Data)>,
    buffers_outside: bool,
}

impl<'a> Writer<'a> {
    /// Returns `None` if an offset would lead too far.
    fn lay_out(mut self, root: &'a Table, tail: Option<u64>) -> Option<Layout<'a>> {
        self.head.extend_from_slice(&[0; 4]);
        self.head.extend_from_slice(b"TFL3");
        let at = self.table(root)?;
        self.refer(0, at as u64)?;

        let (small, large): (Vec<_>, Vec<_>) = self.vectors.iter().copied().partition(|(_, v)| is_small(v));
        let mut written = HashMap::new();
        for (reference, vector) in small {
            let Data::Held(bytes) = &vector.data else { continue };
            let at = *written.entry((vector.align, vector.width, vector.terminated, bytes)).or_insert_with(|| {
                pad_to(&mut self.head, 4, u64::from(vector.align));
                let at = self.head.len();
                self.head.extend_from_slice(&(bytes.len() as u32 / u32::from(vector.width)).to_le_bytes());
                self.head.extend_from_slice(bytes);
                self.head.extend(vector.terminated.then_some(0));
                at
            });
            self.refer(reference, at as u64)?;
        }

        // What shared data in the file that was read does so again.
        let mut placed: HashMap<(u64, u64, bool), u64> = HashMap::new();
        let mut payloads = Vec::new();
        let mut end = self.head.len() as u64;
        let mut place = |data: &'a Data, count: Option<u32>, behind: u64| {
            // A vector has its length before it, data outside of the flatbuffer have not: each serves its own kind.
            let range = match data {
                Data::File { start, len } => Some((*start, *len, count.is_some())),
                Data::Held(_) => None,
            };
            if let Some(&at) = range.and_then(|range| placed.get(&range)) {
                return at;
            }
            let at = (end + if count.is_some() { 4 } else { 0 }).next_multiple_of(ALIGN);
            payloads.push(Payload { at, count, data });
            placed.extend(range.map(|range| (range, at)));
            end = at + data.len() + behind;
            at
        };
        for (reference, vector) in large {
            let count = (vector.data.len() / u64::from(vector.width)) as u32;
            let at = place(&vector.data, Some(count), u64::from(vector.terminated));
            self.refer(reference, at - 4)?;
        }
        for (start_at, len_at, data) in std::mem::take(&mut self.outside) {
            let start = place(data, None, 0);
            self.head.get_mut(start_at..start_at + 8)?.copy_from_slice(&start.to_le_bytes());
            self.head.get_mut(len_at..len_at + 8)?.copy_from_slice(&data.len().to_le_bytes());
        }
        // What follows is as far from a multiple as it was: then nothing is filled up in a copy of the copy, which is equal.
        let filling = tail.unwrap_or(0).wrapping_sub(end) % ALIGN;
        let end = end.saturating_add(filling);
        Some(Layout { head: self.head, payloads, end })
    }

    /// Makes the reference that stands at `from` lead to `to`.
    fn refer(&mut self, from: usize, to: u64) -> Option<()> {
        let offset = to.checked_sub(from as u64).filter(|_| to <= LIMIT)?;
        self.head.get_mut(from..from + 4)?.copy_from_slice(&(offset as u32).to_le_bytes());
        Some(())
    }

    /// Writes a table and the tables under it, and returns where it stands.
    fn table(&mut self, table: &'a Table) -> Option<usize> {
        let data = match table.child(buffer::DATA) {
            Some(Child::Vector(v)) if self.buffers_outside && table.shape.name == BUFFER.name => Some(&v.data),
            _ => None,
        };
        let moved = data.filter(|data| data.len() >= OUTSIDE);
        if let (Some((start, len)), Some(data)) = (table.shape.outside, table.outside.as_ref().or(moved)) {
            let mut with_room = table.clone_scalars();
            if moved.is_some() {
                with_room.remove(buffer::DATA);
            }
            with_room.set_scalar(start, [0; 8]);
            with_room.set_scalar(len, [0; 8]);
            let at = self.fields(&with_room);
            self.outside.push((at + with_room.field(start)?, at + with_room.field(len)?, data));
            if moved.is_none() {
                self.children(table, &with_room, at)?;
            }
            Some(at)
        } else {
            let at = self.fields(table);
            self.children(table, table, at)?;
            Some(at)
        }
    }

    /// Writes a table's vtable, unless it is there, and its fields.
    fn fields(&mut self, table: &Table) -> usize {
        let slots = table.slots.iter().rposition(|&field| field != 0).map_or(0, |last| last + 1);
        let mut vtable = Vec::with_capacity(4 + 2 * slots);
        vtable.extend_from_slice(&((4 + 2 * slots) as u16).to_le_bytes());
        vtable.extend_from_slice(&(table.inline.len() as u16).to_le_bytes());
        vtable.extend(table.slots.iter().take(slots).flat_map(|field| field.to_le_bytes()));
        let written = self.vtables.get(&vtable).copied();
        let vtable_at = written.unwrap_or_else(|| {
            pad_to(&mut self.head, 0, 2);
            let at = self.head.len();
            self.head.extend_from_slice(&vtable);
            self.vtables.insert(vtable, at);
            at
        });
        while self.head.len() % 8 != usize::from(table.phase) {
            self.head.push(0);
        }
        let at = self.head.len();
        // Beyond 2 GiB nothing can refer to the table, and there is no file.
        let distance = (at as i64).wrapping_sub(vtable_at as i64) as i32;
        self.head.extend_from_slice(&distance.to_le_bytes());
        self.head.extend_from_slice(table.inline.get(4..).unwrap_or(&[]));
        at
    }

    /// Writes what a table that stands at `at` with the fields of `placed` refers to.
    fn children(&mut self, table: &'a Table, placed: &Table, at: usize) -> Option<()> {
        for (slot, child) in &table.children {
            let reference = at + placed.field(*slot)?;
            match child {
                Child::Table(child) => {
                    let target = self.table(child)?;
                    self.refer(reference, target as u64)?;
                }
                Child::Tables(tables) => {
                    pad_to(&mut self.head, 0, 4);
                    let vector = self.head.len();
                    self.refer(reference, vector as u64)?;
                    self.head.extend_from_slice(&(tables.len() as u32).to_le_bytes());
                    self.head.resize(vector + 4 + 4 * tables.len(), 0);
                    for (i, child) in tables.iter().enumerate() {
                        let target = self.table(child)?;
                        self.refer(vector + 4 + 4 * i, target as u64)?;
                    }
                }
                Child::Vector(vector) => self.vectors.push((reference, vector)),
            }
        }
        Some(())
    }
}

/// Whether a vector is written among the tables.
pub(super) fn is_small(vector: &Vector) -> bool {
    matches!(vector.data, Data::Held(_)) && vector.data.len() <= SHARED && vector.align < 16
}

/// Adds zeros until what comes `skip` bytes later is aligned.
fn pad_to(head: &mut Vec<u8>, skip: u64, align: u64) {
    let at = head.len() as u64 + skip;
    head.resize((at.next_multiple_of(align) - skip) as usize, 0);
}
