//! Large black pictures as sparse files: a hole reads as zeros and costs no disk.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the samples of [`Chunks::DeflatedTiles`] lie: files of this size are mapped.
const FAR: u32 = 96 << 20;

/// Where the samples of a picture lie.
#[derive(Clone, Copy)]
pub enum Chunks {
    /// Strips of so many rows.
    Strips(u32),
    /// Square tiles of this side.
    Tiles(u32),
    /// One strip, Deflate.
    OneDeflated,
    /// Square Deflate tiles of this side, which are all the same bytes, far behind the header.
    DeflatedTiles(u32),
}

/// Writes a black 16-bit gray TIFF (TIFF 6.0, sections 2 and 15) whose samples are holes of the file.
pub fn black(path: &Path, width: u32, height: u32, chunks: Chunks) {
    let bytes = |columns: u32, rows: u32| columns * rows * 2;
    let (tag, side, counts, compression) = match chunks {
        Chunks::Strips(rows) => {
            let rows_of = |first: u32| rows.min(height - first);
            let counts = (0..height).step_by(rows as usize).map(|y| bytes(width, rows_of(y))).collect();
            (273, rows, counts, 1)
        }
        Chunks::Tiles(side) => {
            let tiles = width.div_ceil(side) * height.div_ceil(side);
            (324, side, vec![bytes(side, side); tiles as usize], 1)
        }
        Chunks::OneDeflated => (273, height, vec![0], 8),
        Chunks::DeflatedTiles(side) => {
            let tiles = width.div_ceil(side) * height.div_ceil(side);
            (324, side, vec![0; tiles as usize], 8)
        }
    };
    let (samples, behind) = match chunks {
        Chunks::OneDeflated => (deflated_zeros(bytes(width, height)), 0),
        Chunks::DeflatedTiles(side) => (deflated_zeros(bytes(side, side)), FAR),
        _ => (Vec::new(), 0),
    };
    let counts: Vec<u32> = if samples.is_empty() { counts } else { vec![samples.len() as u32; counts.len()] };
    // Header, directory, the two tables, samples from the next page on.
    let tables = 200u32;
    let table_bytes = counts.len() as u32 * 4;
    let first = (tables + 2 * table_bytes).next_multiple_of(4096).max(behind);
    let next = |at: u32, count: u32| if behind > 0 { at } else { at + count };
    let offsets: Vec<u32> = counts
        .iter()
        .scan(first, |at, count| {
            let following = next(*at, *count);
            Some(std::mem::replace(at, following))
        })
        .collect();
    let place = |table: &[u32], at: u32| if let [only] = table { *only } else { at };
    let (at_offsets, at_counts) = (place(&offsets, tables), place(&counts, tables + table_bytes));
    let count = counts.len() as u32;
    let mut entries: Vec<(u16, u32, u32)> =
        vec![(256, 1, width), (257, 1, height), (258, 1, 16), (259, 1, compression), (262, 1, 1), (277, 1, 1)];
    entries.extend(match tag {
        324 => vec![(322, 1, side), (323, 1, side), (324, count, at_offsets), (325, count, at_counts)],
        _ => vec![(273, count, at_offsets), (278, 1, side), (279, count, at_counts)],
    });
    entries.sort();
    let mut head = b"II\x2a\0\x08\0\0\0".to_vec();
    head.extend((entries.len() as u16).to_le_bytes());
    for (tag, count, value) in entries {
        head.extend(tag.to_le_bytes());
        head.extend(4u16.to_le_bytes());
        head.extend(count.to_le_bytes());
        head.extend(value.to_le_bytes());
    }
    head.extend([0; 4]);
    let file = File::create(path).unwrap();
    let last = offsets.iter().zip(&counts).map(|(at, count)| u64::from(*at) + u64::from(*count)).max().unwrap();
    file.set_len(last).unwrap();
    file.write_all_at(&head, 0).unwrap();
    if count > 1 {
        let words = |table: &[u32]| table.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        file.write_all_at(&words(&offsets), u64::from(tables)).unwrap();
        file.write_all_at(&words(&counts), u64::from(tables + table_bytes)).unwrap();
    }
    file.write_all_at(&samples, u64::from(first)).unwrap();
}

fn deflated_zeros(bytes: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let block = vec![0; 1 << 20];
    for at in (0..bytes as usize).step_by(block.len()) {
        encoder.write_all(&block[..block.len().min(bytes as usize - at)]).unwrap();
    }
    encoder.finish().unwrap()
}
