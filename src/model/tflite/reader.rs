//! From a file to the tree of its tables, every step checked against the file's length.
//!
//! The schema nests tables to a fixed depth, so a cycle cannot be followed; many references to one table could still
//! make a small file a large tree, so the tables and bytes that are visited are counted against a budget.
//!
//! Positions are sums of what the file says. They saturate: what is beyond the end of the file is refused in any case.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::schema::{Field, MODEL, Shape};
use super::source::{Pages, Source};
use super::tree::{Child, Data, Table, Vector};
use crate::error::Result;

/// The most tables that a file may have.
const MAX_TABLES: u64 = 4_000_000;
/// Vectors up to this many bytes are held, longer ones stay in the file. Numbers are always held.
const HELD: u64 = 1 << 12;
/// The longest fields of a table: more than any has, and few enough for others to be added behind them.
const LONGEST_FIELDS: u16 = 1 << 14;
/// Bytes that may be held besides those of the file's length.
const ALLOWANCE: u64 = 1 << 16;

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Table,
    /// Where the last byte that anything refers to ends.
    pub(super) end: u64,
}

pub(super) fn parse(source: &Source) -> Result<Parsed> {
    let mut pages = Pages::new(source);
    if source.len < 8 {
        return Err(source.bad(format!("it has {} bytes, and 8 are the least", source.len)));
    }
    let [a, b, c, d] = pages.array::<4>(4, "the identifier")?;
    if [a, b, c, d] != *b"TFL3" {
        return Err(source.bad(format!("its identifier is {:?}, not \"TFL3\"", String::from_utf8_lossy(&[a, b, c, d]))));
    }
    let root = u64::from(pages.u32(0, "the root")?);
    let bytes = source.len.saturating_mul(2).saturating_add(ALLOWANCE);
    let budget = Budget { tables: MAX_TABLES.min(source.len / 4), bytes };
    let mut reader = Reader { pages, budget, end: 8 };
    let root = reader.table(root, &MODEL)?;
    Ok(Parsed { root, end: reader.end })
}

struct Budget {
    tables: u64,
    bytes: u64,
}

struct Reader<'a> {
    pages: Pages<'a>,
    budget: Budget,
    end: u64,
}

impl Reader<'_> {
    fn bad(&self, reason: impl Into<String>) -> crate::error::Error {
        self.pages.source.bad(reason)
    }

    fn spend(&mut self, bytes: u64) -> Result<()> {
        match self.budget.bytes.checked_sub(bytes) {
            Some(left) => {
                self.budget.bytes = left;
                Ok(())
            }
            None => Err(self.bad("it refers to the same data so often that they would not fit in memory")),
        }
    }

    fn visited(&mut self, start: u64, len: u64) {
        self.end = self.end.max(start.saturating_add(len));
    }

    fn table(&mut self, at: u64, shape: &'static Shape) -> Result<Table> {
        let name = shape.name;
        self.budget.tables = match self.budget.tables.checked_sub(1) {
            Some(left) => left,
            None => return Err(self.bad("it refers to more tables than it has room for")),
        };
        let distance = i64::from(i32::from_le_bytes(self.pages.array(at, name)?));
        let vtable = at.checked_add_signed(distance.saturating_neg());
        let vtable = vtable.ok_or_else(|| self.bad(format!("the vtable of {name} at {at} stands before the file")))?;
        let [a, b, c, d] = self.pages.array::<4>(vtable, "a vtable")?;
        let (vtable_len, len) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        if vtable_len < 4 || !vtable_len.is_multiple_of(2) || !(4..=LONGEST_FIELDS).contains(&len) {
            let reason = format!("{name} at {at} has a vtable of {vtable_len} bytes and {len} bytes of fields");
            return Err(self.bad(reason));
        }
        self.pages.check(at, u64::from(len), name)?;
        self.spend(u64::from(len).saturating_add(u64::from(vtable_len)))?;
        let slots_len = usize::from(vtable_len).saturating_sub(4);
        let (mut inline, mut vtable_bytes) = (vec![0; usize::from(len)], vec![0; slots_len]);
        self.pages.read(at, &mut inline, name)?;
        self.pages.read(vtable.saturating_add(4), &mut vtable_bytes, "a vtable")?;
        self.visited(at, u64::from(len));
        self.visited(vtable, u64::from(vtable_len));
        let (slots, _) = vtable_bytes.as_chunks();
        let slots: Vec<u16> = slots.iter().map(|&bytes| u16::from_le_bytes(bytes)).collect();
        self.check_fields(&slots, len, shape, at)?;

        let mut table = Table { shape, phase: (at % 8) as u8, inline, slots, children: Vec::new(), outside: None };
        for slot in 0..table.slots.len() as u16 {
            let Some(field) = table.field(slot) else { continue };
            match shape.reference(slot) {
                Some(reference) => {
                    let offset = table.u32(slot).map_or(0, u64::from);
                    let target = at.saturating_add(field as u64).saturating_add(offset);
                    let child = self.child(&table, slot, reference, target)?;
                    table.children.push((slot, child));
                }
                None if slot >= shape.known => self.check_scalar(&table, slot, at)?,
                None => {}
            }
        }
        self.outside(&mut table, at)?;
        Ok(table)
    }

    /// Returns an error unless every field is within its table, and every one that the writer changes, a reference or the place
    /// of data behind the flatbuffer, has its bytes to itself.
    fn check_fields(&self, slots: &[u16], len: u16, shape: &Shape, at: u64) -> Result<()> {
        for (slot, &field) in slots.iter().enumerate().filter(|(_, field)| **field != 0) {
            if field < 4 || field >= len {
                let reason = format!("field {slot} of {} at {at} stands at {field} of its {len} bytes", shape.name);
                return Err(self.bad(reason));
            }
            if let Some(width) = shape.width(slot as u16) {
                let overlaps = |other: u16| other != 0 && (field..field.saturating_add(width)).contains(&other);
                let sharing = slots.iter().filter(|&&other| overlaps(other)).count();
                if sharing > 1 || len.saturating_sub(field) < width {
                    return Err(self.bad(format!("field {slot} of {} at {at} shares bytes with another", shape.name)));
                }
            }
        }
        Ok(())
    }

    /// Returns an error if a field that is newer than the description may be a reference: it would be lost.
    fn check_scalar(&mut self, table: &Table, slot: u16, at: u64) -> Result<()> {
        let (Some(field), Some(offset)) = (table.field(slot), table.u32(slot)) else { return Ok(()) };
        let target = at.saturating_add(field as u64).saturating_add(u64::from(offset));
        let own = at..at.saturating_add(table.inline.len() as u64);
        let len = self.pages.source.len;
        let next = table.slots.iter().map(|&other| usize::from(other)).filter(|&other| other > field).min();
        let room = next.unwrap_or(table.inline.len()).saturating_sub(field);
        let data = target.saturating_add(4);
        if room < 4 || !target.is_multiple_of(4) || own.contains(&target) || data > len {
            return Ok(());
        }
        let first = self.pages.array::<4>(target, "a field")?;
        let may_be_vector = data.saturating_add(u64::from(u32::from_le_bytes(first))) <= len;
        let vtable = target.saturating_add_signed(i64::from(i32::from_le_bytes(first)).saturating_neg());
        let may_be_table = (8..len.saturating_sub(4)).contains(&vtable) && {
            let [a, b, c, d] = self.pages.array(vtable, "a vtable")?;
            let (vtable_len, len) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            vtable_len >= 4 && vtable_len.is_multiple_of(2) && len >= 4
        };
        if may_be_vector || may_be_table {
            let name = table.shape.name;
            let reason = format!("field {slot} of {name} at {at} is newer than this reader, and may refer to data");
            return Err(self.bad(reason));
        }
        Ok(())
    }

    fn child(&mut self, parent: &Table, slot: u16, field: Field, target: u64) -> Result<Child> {
        Ok(match field {
            Field::Table(shape) => Child::Table(self.table(target, shape)?),
            Field::Union(union) => {
                let kind = slot.checked_sub(1).and_then(|slot| parent.u8(slot)).unwrap_or(0);
                Child::Table(self.table(target, union.shape(kind))?)
            }
            Field::Tables(shape) => Child::Tables(self.tables(target, shape)?),
            Field::Numbers(width) => Child::Vector(self.vector(target, width, width.max(4), false, true)?),
            Field::Blob => Child::Vector(self.vector(target, 1, 16, false, false)?),
            Field::Text => Child::Vector(self.vector(target, 1, 4, true, true)?),
        })
    }

    fn tables(&mut self, at: u64, shape: &'static Shape) -> Result<Vec<Table>> {
        let count = u64::from(self.pages.u32(at, "a vector of tables")?);
        let (first, len) = (at.saturating_add(4), count.saturating_mul(4));
        self.pages.check(first, len, "a vector of tables")?;
        self.visited(first, len);
        let mut tables = Vec::new();
        for slot in (first..first.saturating_add(len)).step_by(4) {
            let offset = self.pages.u32(slot, "a vector of tables")?;
            tables.push(self.table(slot.saturating_add(u64::from(offset)), shape)?);
        }
        Ok(tables)
    }

    fn vector(&mut self, at: u64, width: u8, align: u8, terminated: bool, always_held: bool) -> Result<Vector> {
        let len = u64::from(self.pages.u32(at, "a vector")?).saturating_mul(u64::from(width));
        let start = at.saturating_add(4);
        self.pages.check(start, len, "a vector")?;
        self.visited(start, len.saturating_add(u64::from(terminated)));
        let data = if always_held || len <= HELD {
            self.spend(len)?;
            let mut bytes = vec![0; len as usize];
            self.pages.read(start, &mut bytes, "a vector")?;
            Data::Held(bytes)
        } else {
            Data::File { start, len }
        };
        Ok(Vector { width, align, terminated, data })
    }

    /// Takes note of the data behind the flatbuffer that a table points to. A start of 0 or 1 means that there are none.
    fn outside(&mut self, table: &mut Table, at: u64) -> Result<()> {
        let Some((start_slot, len_slot)) = table.shape.outside else { return Ok(()) };
        let scalar = |slot| table.scalar(slot).map_or(0, u64::from_le_bytes);
        let (start, len) = (scalar(start_slot), scalar(len_slot));
        if start > 1 {
            self.pages.check(start, len, &format!("the data of {} at {at}", table.shape.name))?;
            self.visited(start, len);
            table.outside = Some(Data::File { start, len });
        }
        Ok(())
    }
}
