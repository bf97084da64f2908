//! Reading pickles. Nothing is imported, nothing is called, and whatever a pickle holds besides tensors is passed over. Python's
//! `pickletools` explains each instruction.

use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;

use super::graph::{Call, Graph, Node, Span, Value};
use super::{Fault, damaged};

/// Plain values that a list keeps; of longer ones, such as the losses of all steps, only texts and objects are kept.
const LISTED: usize = 64;

/// Reads the pickle at the start of some bytes, in at most `memory` bytes of memory.
pub(in super::super) fn read(bytes: &[u8], memory: usize) -> Result<Graph<'_>, Fault> {
    let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
    let (nodes, stack, marks, memo) = Default::default();
    Machine { bytes, at: 0, nodes, stack, marks, memo, memory }.run()
}

/// What a pickle's instructions work on.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Value>,
    /// Bytes of memory that may still be asked for.
    memory: usize,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Graph<'a>, Fault> {
        loop {
            let [instruction] = self.array()?;
            match instruction {
                b'.' => {
                    let root = self.pop()?;
                    return Ok(Graph {
                        bytes: self.bytes,
                        nodes: self.nodes,
                        root,
                        length: self.at,
                        known: HashMap::new(),
                    });
                }
                // PROTO, FRAME, READONLY_BUFFER
                0x80 => _ = self.take(1)?,
                0x95 => _ = self.take(8)?,
                0x98 => {}
                b'(' => {
                    if self.marks.len() == self.marks.capacity() {
                        self.claim(self.marks.len().max(64) * size_of::<usize>())?;
                    }
                    self.marks.push(self.stack.len());
                }
                b'0' => self.discard()?,
                b'1' => drop(self.marked()?),
                b'2' => {
                    let top = self.top()?;
                    self.push(top)?;
                }
                b'N' => self.push(Value::None)?,
                0x88 | 0x89 => self.push(Value::Bool(instruction == 0x88))?,
                b'J' => {
                    let number = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(number.into()))?;
                }
                b'K' | b'M' => {
                    let number = self.length(if instruction == b'K' { 1 } else { 2 })?;
                    self.push(Value::Int(number as i64))?;
                }
                b'G' => {
                    let number = f64::from_be_bytes(self.array()?);
                    self.push(Value::Float(number))?;
                }
                // LONG1, LONG4
                0x8a | 0x8b => {
                    let length = self.length(if instruction == 0x8a { 1 } else { 4 })?;
                    let bytes = self.take(length)?;
                    let number = integer(&self.bytes[bytes]);
                    self.push(number)?;
                }
                b'I' | b'L' => {
                    let line = self.line()?;
                    let number = match &self.bytes[line.clone()] {
                        b"00" => Value::Bool(false),
                        b"01" => Value::Bool(true),
                        digits => parsed(digits.strip_suffix(b"L").unwrap_or(digits))
                            .map_or(Value::Other, Value::Int),
                    };
                    self.push(number)?;
                }
                b'F' => {
                    let line = self.line()?;
                    let number = parsed(&self.bytes[line]).map_or(Value::Other, Value::Float);
                    self.push(number)?;
                }
                // SHORT_BINSTRING, SHORT_BINUNICODE, BINSTRING, BINUNICODE, BINUNICODE8
                b'U' | 0x8c => self.push_span(1, Value::Text)?,
                b'T' | b'X' => self.push_span(4, Value::Text)?,
                0x8d => self.push_span(8, Value::Text)?,
                // STRING in quotes, UNICODE
                b'S' | b'V' => {
                    let line = self.line()?;
                    let quotes = usize::from(instruction == b'S' && line.len() >= 2);
                    self.push(Value::Text(span(line.start + quotes..line.end - quotes)))?;
                }
                // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
                b'C' => self.push_span(1, Value::Bytes)?,
                b'B' => self.push_span(4, Value::Bytes)?,
                0x8e | 0x96 => self.push_span(8, Value::Bytes)?,
                // NEXT_BUFFER, EXT1, EXT2, EXT4
                0x97 => self.push(Value::Other)?,
                0x82..=0x84 => {
                    self.take(1 << (instruction - 0x82))?;
                    self.push(Value::Other)?;
                }
                b')' => self.push_node(Node::Tuple(Box::default()))?,
                0x85..=0x87 => {
                    let first = self.stack.len().checked_sub(usize::from(instruction - 0x84));
                    let items = self.split_off(first.ok_or_else(underflow)?)?;
                    self.push_node(Node::Tuple(items.into()))?;
                }
                b't' => {
                    let items = self.marked()?;
                    self.push_node(Node::Tuple(items.into()))?;
                }
                // EMPTY_LIST, EMPTY_SET
                b']' | 0x8f => self.push_node(Node::List(Vec::new()))?,
                // LIST, FROZENSET
                b'l' | 0x91 => {
                    let items = self.marked()?;
                    self.push_node(Node::List(Vec::new()))?;
                    self.append(items)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                // APPENDS, ADDITEMS
                b'e' | 0x90 => {
                    let items = self.marked()?;
                    self.append(items)?;
                }
                b'}' => self.push_node(Node::Dict(Vec::new()))?,
                b'd' => {
                    let items = self.marked()?;
                    self.push_node(Node::Dict(Vec::new()))?;
                    self.insert(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let name = self.pop()?;
                    self.insert(vec![name, value])?;
                }
                b'u' => {
                    let items = self.marked()?;
                    self.insert(items)?;
                }
                b'c' => {
                    let module = span(self.line()?);
                    let name = span(self.line()?);
                    self.push_node(Node::Global { module, name })?;
                }
                // STACK_GLOBAL
                0x93 => match (self.pop()?, self.pop()?) {
                    (Value::Text(name), Value::Text(module)) => {
                        self.push_node(Node::Global { module, name })?
                    }
                    _ => self.push(Value::Other)?,
                },
                // REDUCE, NEWOBJ
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let function = self.pop()?;
                    self.call(function, arguments)?;
                }
                // NEWOBJ_EX, whose last operand holds arguments by name
                0x92 => {
                    self.pop()?;
                    let arguments = self.pop()?;
                    let class = self.pop()?;
                    self.call(class, arguments)?;
                }
                // INST
                b'i' => {
                    let module = span(self.line()?);
                    let name = span(self.line()?);
                    let items = self.marked()?;
                    let class = self.object(Node::Global { module, name })?;
                    let arguments = self.object(Node::Tuple(items.into()))?;
                    self.call(class, arguments)?;
                }
                // OBJ
                b'o' => {
                    let mut items = self.marked()?;
                    if items.is_empty() {
                        return Err(underflow());
                    }
                    let class = items.remove(0);
                    let arguments = self.object(Node::Tuple(items.into()))?;
                    self.call(class, arguments)?;
                }
                // BUILD
                b'b' => {
                    let state = self.pop()?;
                    if let Some(Node::Call(call)) = self.top_node()? {
                        call.state = state;
                    }
                }
                b'P' => {
                    let line = self.line()?;
                    self.push_node(Node::Persistent(Value::Text(span(line))))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push_node(Node::Persistent(id))?;
                }
                b'g' => {
                    let place = self.typed_place()?;
                    self.recall(place)?;
                }
                b'h' => {
                    let place = self.length(1)?;
                    self.recall(place)?;
                }
                b'j' => {
                    let place = self.length(4)?;
                    self.recall(place)?;
                }
                b'p' => {
                    let place = self.typed_place()?;
                    self.remember(place)?;
                }
                b'q' => {
                    let place = self.length(1)?;
                    self.remember(place)?;
                }
                b'r' => {
                    let place = self.length(4)?;
                    self.remember(place)?;
                }
                0x94 => self.remember(self.memo.len())?,
                other => return Err(damaged(format!("its pickle has an unknown instruction, {other:#04x}"))),
            }
        }
    }

    /// Accounts for memory before it is asked for.
    fn claim(&mut self, bytes: usize) -> Result<(), Fault> {
        self.memory = self.memory.checked_sub(bytes).ok_or_else(|| {
            Fault::Unfit(
                "describes more objects than fit into the bound of 32 MiB and three times its size; save its state dict alone"
                    .to_owned(),
            )
        })?;
        Ok(())
    }

    /// The next bytes, by their place.
    fn take(&mut self, length: usize) -> Result<Range<usize>, Fault> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged("its pickle does not end"))?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Fault> {
        let place = self.take(SIZE)?;
        self.bytes[place].try_into().map_err(|_| underflow())
    }

    /// A length of so many bytes.
    fn length(&mut self, size: usize) -> Result<usize, Fault> {
        let place = self.take(size)?;
        let mut length = [0; 8];
        length[..size].copy_from_slice(&self.bytes[place]);
        usize::try_from(u64::from_le_bytes(length)).map_err(|_| damaged("its pickle does not end"))
    }

    /// The bytes up to the end of the line, which is taken as well.
    fn line(&mut self) -> Result<Range<usize>, Fault> {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("its pickle does not end"))?;
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    fn push(&mut self, value: Value) -> Result<(), Fault> {
        if self.stack.len() == self.stack.capacity() {
            self.claim(self.stack.len().max(64) * size_of::<Value>())?;
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_node(&mut self, node: Node) -> Result<(), Fault> {
        let value = self.object(node)?;
        self.push(value)
    }

    /// A new object.
    fn object(&mut self, node: Node) -> Result<Value, Fault> {
        let inside = match &node {
            Node::Tuple(items) => size_of_val::<[Value]>(items),
            Node::Call(_) => size_of::<Call>(),
            _ => 0,
        };
        self.claim(NODE + inside)?;
        let value = Value::Node(self.nodes.len() as u32);
        self.nodes.push(node);
        Ok(value)
    }

    /// Pushes as many of the next bytes as the number of so many bytes before them says.
    fn push_span(&mut self, size: usize, value: fn(Span) -> Value) -> Result<(), Fault> {
        let length = self.length(size)?;
        let part = span(self.take(length)?);
        self.push(value(part))
    }

    fn call(&mut self, function: Value, arguments: Value) -> Result<(), Fault> {
        let call = Call { function, arguments, state: Value::None, entries: Vec::new() };
        self.push_node(Node::Call(Box::new(call)))
    }

    /// The start of what belongs to the innermost mark; the bottom of the stack without one.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        if self.stack.len() <= self.floor() {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    /// POP, which takes a mark where one is on top.
    fn discard(&mut self) -> Result<(), Fault> {
        match self.marks.last() {
            Some(mark) if *mark == self.stack.len() => drop(self.marks.pop()),
            _ => drop(self.pop()?),
        }
        Ok(())
    }

    fn top(&self) -> Result<Value, Fault> {
        self.stack.last().copied().ok_or_else(underflow)
    }

    fn top_node(&mut self) -> Result<Option<&mut Node>, Fault> {
        Ok(match self.top()? {
            Value::Node(index) => self.nodes.get_mut(index as usize),
            _ => None,
        })
    }

    fn split_off(&mut self, first: usize) -> Result<Vec<Value>, Fault> {
        if first < self.floor() {
            return Err(underflow());
        }
        Ok(self.stack.split_off(first))
    }

    /// Everything above the innermost mark.
    fn marked(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.marks.pop().ok_or_else(underflow)?;
        if mark > self.stack.len() {
            return Err(underflow());
        }
        Ok(self.stack.split_off(mark))
    }

    /// Puts items into the list on top.
    fn append(&mut self, mut items: Vec<Value>) -> Result<(), Fault> {
        let Some(Node::List(list)) = self.top_node()? else { return Ok(()) };
        if list.len() + items.len() > LISTED {
            items.retain(|item| matches!(item, Value::Node(_) | Value::Text(_)));
        }
        let grown = list.len() + items.len() > list.capacity();
        list.append(&mut items);
        let claimed = list.capacity();
        self.claim(if grown { claimed * size_of::<Value>() } else { 0 })
    }

    /// Puts names and values into the dictionary on top, or into an object that is one.
    fn insert(&mut self, items: Vec<Value>) -> Result<(), Fault> {
        let entries = match self.top_node()? {
            Some(Node::Dict(entries)) => entries,
            Some(Node::Call(call)) => &mut call.entries,
            _ => return Ok(()),
        };
        let before = entries.capacity();
        let pairs = items.as_chunks().0.iter().map(|[name, value]| (*name, *value));
        entries.extend(
            pairs.filter(|(name, value)| matches!((name, value), (Value::Text(_), _) | (_, Value::Node(_)))),
        );
        let grown = entries.capacity() - before;
        self.claim(grown * size_of::<(Value, Value)>())
    }

    /// A place of the memory in digits.
    fn typed_place(&mut self) -> Result<usize, Fault> {
        let line = self.line()?;
        parsed(&self.bytes[line]).ok_or_else(|| damaged("its pickle remembers nothing so"))
    }

    fn recall(&mut self, place: usize) -> Result<(), Fault> {
        let value =
            self.memo.get(place).copied().ok_or_else(|| damaged("its pickle remembers nothing so"))?;
        self.push(value)
    }

    fn remember(&mut self, place: usize) -> Result<(), Fault> {
        let value = self.top()?;
        if place >= self.memo.len() {
            // Every number that is remembered takes a byte at least.
            if place > self.bytes.len() {
                return Err(damaged("its pickle remembers too much"));
            }
            let before = self.memo.capacity();
            if place >= before {
                self.claim((place + 1 - before).max(before) * size_of::<Value>())?;
            }
            self.memo.resize(place + 1, Value::Other);
        }
        self.memo[place] = value;
        Ok(())
    }
}

/// Memory of an object beside what it holds: its place, which a growing vector doubles, and what the allocator adds.
const NODE: usize = 2 * size_of::<Node>() + 16;

fn underflow() -> Fault {
    damaged("its pickle takes what is not there")
}

/// A part of at most four gigabytes.
fn span(place: Range<usize>) -> Span {
    Span { start: place.start as u32, length: place.len() as u32 }
}

/// A little-endian number with a sign.
fn integer(bytes: &[u8]) -> Value {
    if bytes.len() > size_of::<i64>() {
        return Value::Other;
    }
    let is_negative = bytes.last().is_some_and(|last| *last >= 0x80);
    let mut number = [if is_negative { 0xff } else { 0 }; 8];
    number[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(number))
}

fn parsed<T: FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}
