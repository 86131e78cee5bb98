//! One header block: checksum, format and fields with the leniency of Go's reader.

use std::io;

use super::{Entry, invalid};

pub(super) const BLOCK: usize = 512;

/// The fields that matter here. The others are checked as Go checks them and dropped.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: i64,
    pub(super) size: i64,
    pub(super) mtime: i64,
}

/// Kinds that have no data whatever their size says: links, devices, folders, fifos.
pub(super) fn is_header_only(kind: u8) -> bool {
    matches!(kind, b'1'..=b'6')
}

/// Up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK]) -> io::Result<Self> {
        check_sum(block)?;
        let mut header = Self {
            name: text(&block[..100]).to_vec(),
            kind: block[156],
            mode: numeric(&block[100..108])?,
            size: numeric(&block[124..136])?,
            mtime: numeric(&block[136..148])?,
        };
        numeric(&block[108..116])?;
        numeric(&block[116..124])?;
        let (magic, version) = (&block[257..263], &block[263..265]);
        let prefix = match (magic, version) {
            (b"ustar\0", _) => {
                let star = block[508..] == *b"tar\0";
                device_numbers(block)?;
                if star {
                    numeric(&block[476..488])?;
                    numeric(&block[488..500])?;
                }
                text(&block[345..if star { 476 } else { 500 }])
            }
            (b"ustar ", b" \0") => {
                device_numbers(block)?;
                gnu_prefix(block)
            }
            _ => &[],
        };
        if !prefix.is_empty() {
            header.name = [prefix, b"/", &header.name].concat();
        }
        Ok(header)
    }

    pub(super) fn entry(self, skipped: bool, data: u64) -> Entry {
        Entry {
            name: self.name,
            skipped,
            size: self.size,
            data,
            mtime: self.mtime,
        }
    }
}

fn device_numbers(block: &[u8; BLOCK]) -> io::Result<()> {
    numeric(&block[329..337])?;
    numeric(&block[337..345])?;
    Ok(())
}

/// GNU archives have times where others have a prefix; old Go versions wrote a prefix there all the same.
fn gnu_prefix(block: &[u8; BLOCK]) -> &[u8] {
    let good_time = |field: &[u8]| field[0] == 0 || numeric(field).is_ok();
    if good_time(&block[345..357]) && good_time(&block[357..369]) {
        return &[];
    }
    let prefix = text(&block[345..500]);
    if prefix.is_ascii() { prefix } else { &[] }
}

/// The sum of the block with its own field as blanks, of unsigned bytes or, as Sun's tar had it, signed ones.
fn check_sum(block: &[u8; BLOCK]) -> io::Result<()> {
    let stated = octal(&block[148..156])?;
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    if stated == unsigned || stated == signed {
        Ok(())
    } else {
        Err(invalid("invalid tar header: wrong checksum"))
    }
}

/// A number in base 256 (first bit set) or octal.
fn numeric(field: &[u8]) -> io::Result<i64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    let invert = if field[0] & 0x40 == 0 { 0 } else { 0xff };
    let mut value = 0_u64;
    for (at, byte) in field.iter().enumerate() {
        let byte = (byte ^ invert) & if at == 0 { 0x7f } else { 0xff };
        if value >> 56 > 0 {
            return Err(invalid("invalid tar header: number too large"));
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i64::try_from(value).map_err(|_| invalid("invalid tar header: number too large"))?;
    Ok(if invert == 0 { value } else { !value })
}

/// An octal number between blanks and NULs; nothing is 0.
fn octal(field: &[u8]) -> io::Result<i64> {
    let blank = |b: &u8| matches!(b, b' ' | 0);
    let Some(start) = field.iter().position(|b| !blank(b)) else {
        return Ok(0);
    };
    let end = field
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |last| last + 1);
    let mut value = 0_u64;
    for byte in text(&field[start..end]) {
        let digit = match byte {
            b'0'..=b'7' => u64::from(byte - b'0'),
            _ => return Err(invalid("invalid tar header: no octal number")),
        };
        // At most 12 digits, which is 36 bits
        value = value * 8 + digit;
    }
    Ok(value.cast_signed())
}
