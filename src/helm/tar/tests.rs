//! Headers as Go reads them.

use super::*;

fn header(name: &str, kind: u8, size: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..124 + size.len()].copy_from_slice(size.as_bytes());
    block[136..140].copy_from_slice(b"0010");
    block[156] = kind;
    seal(block)
}

fn seal(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn entries(data: &[u8]) -> io::Result<Vec<(String, u64)>> {
    let mut tar = Tar::new(data);
    let mut found = Vec::new();
    while let Some(entry) = tar.next()? {
        found.push((String::from_utf8(entry.name).unwrap(), entry.data));
    }
    Ok(found)
}

#[test]
fn ends_where_go_ends() {
    let file = [&header("a", b'0', "3")[..], b"abc"].concat();
    let padded = [&file[..], &[0; 509]].concat();
    let one = vec![("a".to_owned(), 3)];
    assert_eq!(entries(&file).unwrap(), one, "cut in the padding");
    assert_eq!(entries(&padded).unwrap(), one, "no end blocks");
    assert_eq!(
        entries(&[&padded[..], &[0; 512]].concat()).unwrap(),
        one,
        "one end block"
    );
    assert_eq!(
        entries(&[&padded[..], &[0; 1024], b"rubbish"].concat()).unwrap(),
        one
    );
    assert!(entries(&file[..514]).is_err(), "cut in the data");
    assert!(
        entries(&[&padded[..], &[1; 100]].concat()).is_err(),
        "cut in a header"
    );
    assert!(
        entries(&[&padded[..], &[0; 512], &[1; 512]].concat()).is_err(),
        "one zero block, then data"
    );
}

#[test]
fn extended_headers_rename() {
    let record = b"17 path=long/name\n";
    let record = [&record[..], b"19 mtime=-5.250000\n"].concat();
    let size = format!("{:o}", record.len());
    let mut data = header("x", b'x', &size).to_vec();
    data.extend_from_slice(&record);
    data.resize(1024, 0);
    data.extend_from_slice(&header("short", b'0', "0"));
    assert!(
        Tar::new(&data[..]).next().is_err(),
        "the length of the first record is wrong"
    );
    data[512..514].copy_from_slice(b"18");
    let entry = Tar::new(&data[..]).next().unwrap().unwrap();
    assert_eq!((&entry.name[..], entry.mtime), (&b"long/name"[..], -6));
}

#[test]
fn numbers_and_sums() {
    let mut big = header("a", b'2', "0");
    big[124] = 0x80;
    big[135] = 7;
    let entry = Tar::new(&seal(big)[..]).next().unwrap().unwrap();
    assert_eq!(
        (entry.size, entry.data),
        (7, 0),
        "a link has no data whatever its size"
    );
    let mut bad = header("a", b'0', "0");
    bad[0] = b'b';
    assert!(entries(&bad).is_err());
    assert!(entries(&header("a", b'0', "9")).is_err(), "9 is not octal");
    assert!(entries(&header("a", b'S', "0")).is_err(), "sparse");
    let entry = Tar::new(&header("d/", 0, "0")[..]).next().unwrap().unwrap();
    assert!(entry.skipped);
}
