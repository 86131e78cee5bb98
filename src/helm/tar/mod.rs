//! Tar archives exactly as Go's `archive/tar` reads them, which is how Helm does (helm-oci-format 1.2).
//!
//! Own code, because the `tar` crate and Go differ in what they let pass: signed checksums, numbers, names,
//! the end of the archive. Nothing is held but one header. Sparse files are refused: packages have none, and
//! their claims of size are the only way in which an entry can be larger than its data.

mod header;
mod pax;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Read};

use header::{BLOCK, Header, is_header_only};
use pax::Overrides;

/// Names and extended headers beyond this are refused, by Go too.
const MAX_SPECIAL: u64 = 1 << 20;

/// One entry that is not a header for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name as written, which need not be UTF-8.
    pub(super) name: Vec<u8>,
    /// A folder; global headers count as such, since both are skipped.
    pub(super) skipped: bool,
    /// The size that the header states; see `data`.
    pub(super) size: i64,
    /// The size of the data that follows; 0 for links and the like.
    pub(super) data: u64,
    /// Seconds since 1970.
    pub(super) mtime: i64,
}

/// A reader of entries; as `Read` it gives the data of the entry returned last.
pub(super) struct Tar<R> {
    source: R,
    left: u64,
    padding: u64,
}

pub(super) fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl<R: BufRead> Tar<R> {
    /// Reads the archive in `source`.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            left: 0,
            padding: 0,
        }
    }

    /// What lies under the archive, behind what has been read of it.
    pub(super) fn into_inner(self) -> R {
        self.source
    }

    /// The next entry; the rest of the one before is skipped. None at the end of the archive: two blocks of
    /// zeros, or the end of the data at the border of a block.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut overrides = Overrides::default();
        let mut long_name = Vec::new();
        loop {
            if !self.skip_data()? {
                return Ok(None);
            }
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            self.set_data(header.kind, header.size)?;
            match header.kind {
                b'x' => overrides = Overrides::parse(&self.special()?)?,
                b'g' => {
                    // Its records are checked and have no effect.
                    Overrides::parse(&self.special()?)?;
                    return Ok(Some(header.entry(true, 0)));
                }
                b'L' => long_name = header::text(&self.special()?).to_vec(),
                b'K' => {
                    self.special()?;
                }
                _ => return self.finish(header, &mut overrides, long_name).map(Some),
            }
        }
    }

    fn finish(
        &mut self,
        mut header: Header,
        overrides: &mut Overrides,
        long_name: Vec<u8>,
    ) -> io::Result<Entry> {
        if header.kind == b'S' || overrides.sparse {
            return Err(invalid("a sparse file in the archive"));
        }
        if let Some(name) = overrides.path.take() {
            header.name = name;
        }
        if !long_name.is_empty() {
            header.name = long_name;
        }
        header.size = overrides.size.unwrap_or(header.size);
        header.mtime = overrides.mtime.unwrap_or(header.mtime);
        let old_folder = header.kind == 0 && header.name.ends_with(b"/");
        let folder = header.kind == b'5' || old_folder || header.mode & !0o7777 == 0o40000;
        self.set_data(if old_folder { b'5' } else { header.kind }, header.size)?;
        Ok(header.entry(folder, self.left))
    }

    fn set_data(&mut self, kind: u8, size: i64) -> io::Result<()> {
        let size = if is_header_only(kind) { 0 } else { size };
        self.left = u64::try_from(size).map_err(|_| invalid("invalid tar header: negative size"))?;
        self.padding = self.left.next_multiple_of(BLOCK as u64) - self.left;
        Ok(())
    }

    /// Skips what is left of the entry; false if the data ends in the padding, which ends the archive.
    fn skip_data(&mut self) -> io::Result<bool> {
        let (left, padding) = (std::mem::take(&mut self.left), std::mem::take(&mut self.padding));
        if skip(&mut self.source, left)? > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(skip(&mut self.source, padding)? == 0)
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        let Some(block) = self.block()? else {
            return Ok(None);
        };
        if block != [0; BLOCK] {
            return Header::parse(&block).map(Some);
        }
        match self.block()? {
            Some(block) if block != [0; BLOCK] => Err(invalid("invalid tar header")),
            _ => Ok(None),
        }
    }

    /// One block; none if the data ends right before it.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        if self.source.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block)?;
        Ok(Some(block))
    }

    /// The data of a header for the next entry.
    fn special(&mut self) -> io::Result<Vec<u8>> {
        if self.left > MAX_SPECIAL {
            return Err(invalid("a tar header of over 1 MiB"));
        }
        let mut data = Vec::new();
        self.read_to_end(&mut data)?;
        Ok(data)
    }
}

impl<R: BufRead> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| buffer.len().min(left));
        if room == 0 {
            return Ok(0);
        }
        match self.source.read(&mut buffer[..room])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            size => {
                self.left -= size as u64;
                Ok(size)
            }
        }
    }
}

/// Skips `size` bytes; returns how many were missing.
fn skip(source: &mut impl BufRead, mut size: u64) -> io::Result<u64> {
    while size > 0 {
        let available = source.fill_buf()?.len();
        if available == 0 {
            break;
        }
        let step = usize::try_from(size).map_or(available, |size| size.min(available));
        source.consume(step);
        size -= step as u64;
    }
    Ok(size)
}
