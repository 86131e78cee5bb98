//! Gzip with several members, read no further than asked: what is wrong behind the end of the archive must not
//! be seen (helm-oci-format 1.2).

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Decompresses member after member.
pub(super) struct Gunzip<R> {
    decoder: Option<GzDecoder<R>>,
    /// A member has ended with the right sum and length.
    ended: bool,
    /// The member being read has delivered something.
    begun: bool,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            decoder: Some(GzDecoder::new(source)),
            ended: false,
            begun: false,
        }
    }

    /// Reads on to the end, at most `limit` bytes, and tells whether the stream is whole: every member has its
    /// trailer, and what follows the last one is nothing or no gzip at all.
    pub(super) fn is_complete(&mut self, limit: u64) -> bool {
        let mut rest = self.take(limit);
        let drained = io::copy(&mut rest, &mut io::sink());
        let open = self
            .decoder
            .as_ref()
            .is_some_and(|decoder| self.begun || decoder.header().is_some());
        match drained {
            Ok(size) => size < limit && self.ended,
            Err(_) => self.ended && !open,
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.decoder {
            let size = decoder.read(buffer)?;
            if size > 0 {
                self.begun = true;
                return Ok(size);
            }
            self.ended = true;
            self.begun = false;
            let Some(decoder) = self.decoder.take() else {
                break;
            };
            let mut source = decoder.into_inner();
            if !source.fill_buf()?.is_empty() {
                self.decoder = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::bufread::GzEncoder;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzEncoder::new(data, Compression::fast())
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn knows_whole_streams() {
        let one = gzip(&[7; 5000]);
        let (mut bad_sum, mut bad_size) = (one.clone(), one.clone());
        bad_sum[one.len() - 8] ^= 1;
        bad_size[one.len() - 1] ^= 1;
        for (data, complete, why) in [
            (one.clone(), true, "one member"),
            ([&one[..], &one].concat(), true, "two members"),
            ([&one[..], b"rubbish"].concat(), true, "rubbish behind it"),
            ([&one[..], &[0; 100]].concat(), true, "zeros behind it"),
            (one[..one.len() - 1].to_vec(), false, "trailer cut"),
            (one[..one.len() - 8].to_vec(), false, "no trailer"),
            (one[..15].to_vec(), false, "data cut"),
            (bad_sum, false, "wrong sum"),
            (bad_size, false, "wrong size"),
            (
                [&one[..], &one[..one.len() - 3]].concat(),
                false,
                "second member cut",
            ),
        ] {
            assert_eq!(Gunzip::new(&data[..]).is_complete(1 << 20), complete, "{why}");
        }
        assert!(!Gunzip::new(&one[..]).is_complete(100), "over the limit");
    }
}
