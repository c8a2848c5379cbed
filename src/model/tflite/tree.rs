//! A file taken apart: tables, their scalars as they stood, and what they refer to.

use super::schema::Shape;

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) shape: &'static Shape,
    /// The position of the table in its file, modulo 8: keeps wide scalars aligned as they were.
    pub(super) phase: u8,
    /// The table's own bytes: the distance to its vtable (4 bytes, filled in by the writer), then fields.
    pub(super) inline: Vec<u8>,
    /// Where each slot's field stands in `inline`; 0 if it is absent.
    pub(super) slots: Vec<u16>,
    /// What the slots that hold references lead to.
    pub(super) children: Vec<(u16, Child)>,
    /// Data behind the flatbuffer that the table points to; the slots that tell where they stand are the writer's.
    pub(super) outside: Option<Data>,
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub(super) enum Child {
    Table(Table),
    Tables(Vec<Table>),
    Vector(Vector),
}

/// A vector of numbers or a text.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    /// Bytes of an element.
    pub(super) width: u8,
    /// What the position of the first element is a multiple of.
    pub(super) align: u8,
    /// Whether a zero stands behind it, that the length does not count.
    pub(super) terminated: bool,
    pub(super) data: Data,
}

/// Bytes that are held, or stand in the file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Held(Vec<u8>),
    File { start: u64, len: u64 },
}

impl Data {
    pub(super) fn len(&self) -> u64 {
        match self {
            Data::Held(bytes) => bytes.len() as u64,
            Data::File { len, .. } => *len,
        }
    }

    fn held(&self) -> &[u8] {
        match self {
            Data::Held(bytes) => bytes,
            Data::File { .. } => &[],
        }
    }
}

impl Vector {
    /// A vector of little-endian numbers of `N` bytes.
    pub(super) fn of<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Self {
        let bytes = numbers.into_iter().flatten().collect();
        Self { width: N as u8, align: N.max(4) as u8, terminated: false, data: Data::Held(bytes) }
    }

    pub(super) fn text(text: &str) -> Self {
        Self { width: 1, align: 4, terminated: true, data: Data::Held(text.as_bytes().to_vec()) }
    }

    pub(super) fn blob(data: Data) -> Self {
        Self { width: 1, align: 16, terminated: false, data }
    }
}

impl Table {
    /// Returns a table without fields.
    pub(super) fn new(shape: &'static Shape) -> Self {
        Self { shape, phase: 4, inline: vec![0; 4], slots: Vec::new(), children: Vec::new(), outside: None }
    }

    /// Returns the table's fields, without what they refer to.
    pub(super) fn clone_scalars(&self) -> Self {
        let (inline, slots) = (self.inline.clone(), self.slots.clone());
        Self { shape: self.shape, phase: self.phase, inline, slots, children: Vec::new(), outside: None }
    }

    /// Returns where a slot's field stands, if it is there.
    pub(super) fn field(&self, slot: u16) -> Option<usize> {
        self.slots.get(usize::from(slot)).map(|&at| usize::from(at)).filter(|&at| at != 0)
    }

    /// Returns the scalar of a slot; `None` if it is absent, and has its default.
    pub(super) fn scalar<const N: usize>(&self, slot: u16) -> Option<[u8; N]> {
        let at = self.field(slot)?;
        self.inline.get(at..at + N)?.try_into().ok()
    }

    pub(super) fn i32(&self, slot: u16) -> Option<i32> {
        self.scalar(slot).map(i32::from_le_bytes)
    }

    pub(super) fn u32(&self, slot: u16) -> Option<u32> {
        self.scalar(slot).map(u32::from_le_bytes)
    }

    pub(super) fn u8(&self, slot: u16) -> Option<u8> {
        self.scalar(slot).map(|[byte]| byte)
    }

    /// Sets the scalar of a slot.
    pub(super) fn set_scalar<const N: usize>(&mut self, slot: u16, value: [u8; N]) {
        let at = self.room(slot, N);
        if let Some(field) = self.inline.get_mut(at..at + N) {
            field.copy_from_slice(&value);
        }
    }

    /// Returns where a slot's field of `size` bytes stands; it is added if it is not there.
    fn room(&mut self, slot: u16, size: usize) -> usize {
        if let Some(at) = self.field(slot) {
            return at;
        }
        while !(usize::from(self.phase) + self.inline.len()).is_multiple_of(size) {
            self.inline.push(0);
        }
        let at = self.inline.len();
        self.inline.resize(at + size, 0);
        let slots = self.slots.len().max(usize::from(slot) + 1);
        self.slots.resize(slots, 0);
        // A table that was read is short enough for fields to be added: `at` is a u16.
        if let Some(field) = self.slots.get_mut(usize::from(slot)) {
            *field = at as u16;
        }
        at
    }

    /// Takes a field out.
    pub(super) fn remove(&mut self, slot: u16) {
        if let Some(at) = self.slots.get_mut(usize::from(slot)) {
            *at = 0;
        }
        self.children.retain(|(other, _)| *other != slot);
    }

    pub(super) fn set_child(&mut self, slot: u16, child: Child) {
        self.room(slot, 4);
        match self.children.iter_mut().find(|(other, _)| *other == slot) {
            Some((_, old)) => *old = child,
            None => self.children.push((slot, child)),
        }
    }

    pub(super) fn child(&self, slot: u16) -> Option<&Child> {
        self.children.iter().find(|(other, _)| *other == slot).map(|(_, child)| child)
    }

    pub(super) fn table(&self, slot: u16) -> Option<&Table> {
        match self.child(slot) {
            Some(Child::Table(table)) => Some(table),
            _ => None,
        }
    }

    pub(super) fn table_mut(&mut self, slot: u16) -> Option<&mut Table> {
        match self.children.iter_mut().find(|(other, _)| *other == slot) {
            Some((_, Child::Table(table))) => Some(table),
            _ => None,
        }
    }

    /// Returns the tables of a vector; none if it is absent.
    pub(super) fn tables(&self, slot: u16) -> &[Table] {
        match self.child(slot) {
            Some(Child::Tables(tables)) => tables,
            _ => &[],
        }
    }

    /// Returns the tables of a vector to change, which is added if it is absent.
    pub(super) fn tables_mut(&mut self, slot: u16) -> &mut Vec<Table> {
        if !matches!(self.child(slot), Some(Child::Tables(_))) {
            self.set_child(slot, Child::Tables(Vec::new()));
        }
        match self.children.iter_mut().find(|(other, _)| *other == slot) {
            Some((_, Child::Tables(tables))) => tables,
            _ => unreachable!("the vector was just added"),
        }
    }

    pub(super) fn vector(&self, slot: u16) -> Option<&Vector> {
        match self.child(slot) {
            Some(Child::Vector(vector)) => Some(vector),
            _ => None,
        }
    }

    /// Returns the numbers of a vector of numbers of `N` bytes; none if it is absent.
    pub(super) fn numbers<const N: usize>(&self, slot: u16) -> &[[u8; N]] {
        self.vector(slot).map_or(&[], |vector| vector.data.held().as_chunks().0)
    }

    pub(super) fn i32s(&self, slot: u16) -> Vec<i32> {
        self.numbers(slot).iter().map(|&bytes| i32::from_le_bytes(bytes)).collect()
    }

    /// Returns a text, or "" if it is absent; what is no UTF-8 is replaced.
    pub(super) fn text(&self, slot: u16) -> String {
        self.vector(slot).map_or(String::new(), |vector| String::from_utf8_lossy(vector.data.held()).into_owned())
    }
}
