//! Lists of paths, from a file or standard input.

use std::io::{self, BufRead, Read};

/// Longest line of a list; paths are limited to 4096 bytes on Linux and about 64 KiB on Windows.
const LINE_BYTES: u64 = 128 << 10;

/// Calls `line` for each path of a list: separated by NUL if that is asked for or the first line has one (`find -print0`), else by line
/// ends, LF or CRLF. Returns how many there were.
pub(super) fn read_list(reader: &mut impl BufRead, null: bool, mut line: impl FnMut(&[u8])) -> io::Result<u64> {
    let head = reader.fill_buf()?;
    let end = head.iter().position(|b| *b == b'\n').unwrap_or(head.len());
    let separator = if null || head.get(..end).unwrap_or_default().contains(&0) { 0 } else { b'\n' };
    if head.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let mut bytes = Vec::new();
    let mut paths = 0;
    loop {
        bytes.clear();
        let length = reader.by_ref().take(LINE_BYTES).read_until(separator, &mut bytes)?;
        if length as u64 == LINE_BYTES {
            return Err(io::Error::other(format!("a line is longer than {LINE_BYTES} bytes; is this a list?")));
        }
        if length == 0 {
            return Ok(paths);
        }
        let mut path = bytes.strip_suffix(&[separator]).unwrap_or(&bytes);
        if separator == b'\n' {
            path = path.strip_suffix(b"\r").unwrap_or(path);
        }
        if !path.is_empty() {
            line(path);
            paths += 1;
        }
    }
}
