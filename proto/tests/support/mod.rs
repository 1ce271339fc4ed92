//! Reads the examples of PROTOCOL.md, and MessagePack as a tree that tests can change.
//!
//! The tree is read and written by hand, so that it is independent of the crate's MessagePack.

pub(crate) mod pump;

use std::fmt;

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

/// The fenced blocks of a kind: the name after the kind, and the lines within.
pub(crate) fn blocks<'a>(document: &'a str, kind: &str) -> Vec<(&'a str, &'a str)> {
    let fence = format!("```{kind}");
    let parts = document.split(&fence).skip(1);
    let block = |part: &'a str| {
        let (title, rest) = part.split_once('\n').unwrap();
        (title.trim(), rest.split_once("```").unwrap().0)
    };
    parts.map(block).collect()
}

/// The bytes of a block: its lines in hex.
pub(crate) fn bytes(block: &str) -> Vec<u8> {
    let is_hex = |line: &&str| line.bytes().all(|b| b.is_ascii_hexdigit() || b == b' ');
    block
        .lines()
        .filter(is_hex)
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// Every example of the document: its name and its frame.
pub(crate) fn frames() -> Vec<(&'static str, Vec<u8>)> {
    blocks(DOCUMENT, "frame").into_iter().map(|(name, text)| (name, bytes(text))).collect()
}

/// The MessagePack types of the examples, and raw bytes that no message has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(u64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// Written as it stands.
    Raw(Vec<u8>),
}

impl Value {
    /// Reads one value that fills `bytes`.
    pub(crate) fn read(mut bytes: &[u8]) -> Self {
        let value = Self::take(&mut bytes);
        assert!(bytes.is_empty(), "{} bytes behind the value", bytes.len());
        value
    }

    fn take(bytes: &mut &[u8]) -> Self {
        let marker = part(bytes, 1)[0];
        match marker {
            0x00..=0x7f => Self::Int(marker.into()),
            0x80..=0x8f => Self::map(bytes, marker as usize & 0x0f),
            0x90..=0x9f => Self::list(bytes, marker as usize & 0x0f),
            0xa0..=0xbf => Self::text(bytes, marker as usize & 0x1f),
            0xc2 | 0xc3 => Self::Bool(marker == 0xc3),
            0xc4 => Self::Bytes(counted(bytes, 1).to_vec()),
            0xcc..=0xcf => Self::Int(number(bytes, 1 << (marker - 0xcc))),
            0xd9 => {
                let length = number(bytes, 1) as usize;
                Self::text(bytes, length)
            }
            0xdc => {
                let count = number(bytes, 2) as usize;
                Self::list(bytes, count)
            }
            _ => panic!("no example has a value of {marker:#x}"),
        }
    }

    fn map(bytes: &mut &[u8], count: usize) -> Self {
        let mut entry = || match Self::take(bytes) {
            Self::Text(key) => (key, Self::take(bytes)),
            other => panic!("{other} is no name"),
        };
        Self::Map((0..count).map(|_| entry()).collect())
    }

    fn list(bytes: &mut &[u8], count: usize) -> Self {
        Self::List((0..count).map(|_| Self::take(bytes)).collect())
    }

    fn text(bytes: &mut &[u8], length: usize) -> Self {
        Self::Text(std::str::from_utf8(part(bytes, length)).unwrap().to_owned())
    }

    /// The value of a name.
    pub(crate) fn at(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The one name of a choice.
    pub(crate) fn choice(&self) -> &str {
        match self {
            Self::Map(entries) if entries.len() == 1 => &entries[0].0,
            other => panic!("{other} is no choice"),
        }
    }

    /// Writes every part in the widest form there is.
    pub(crate) fn wide(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_wide(&mut bytes);
        bytes
    }

    fn write_wide(&self, to: &mut Vec<u8>) {
        let mut long = |marker: u8, length: usize| {
            to.push(marker);
            to.extend((length as u32).to_be_bytes());
        };
        match self {
            Self::Int(value) => {
                to.push(0xcf);
                to.extend(value.to_be_bytes());
            }
            Self::Bool(value) => to.push(0xc2 | u8::from(*value)),
            Self::Text(text) => {
                long(0xdb, text.len());
                to.extend(text.as_bytes());
            }
            Self::Bytes(bytes) => {
                long(0xc6, bytes.len());
                to.extend(bytes);
            }
            Self::List(list) => {
                long(0xdd, list.len());
                list.iter().for_each(|value| value.write_wide(to));
            }
            Self::Map(entries) => {
                long(0xdf, entries.len());
                for (key, value) in entries {
                    Self::Text(key.clone()).write_wide(to);
                    value.write_wide(to);
                }
            }
            Self::Raw(bytes) => to.extend(bytes),
        }
    }
}

fn part<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(length);
    *bytes = rest;
    part
}

fn number(bytes: &mut &[u8], width: usize) -> u64 {
    part(bytes, width).iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn counted<'a>(bytes: &mut &'a [u8], width: usize) -> &'a [u8] {
    let length = number(bytes, width) as usize;
    part(bytes, length)
}

/// As the document shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "\"{}\"", text.replace('\n', "\\n")),
            Self::Bytes(bytes) | Self::Raw(bytes) => {
                f.write_str("h'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::List(list) => {
                f.write_str("[")?;
                for (index, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}\"{key}\": {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}
