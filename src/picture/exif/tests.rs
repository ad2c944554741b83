use super::*;

/// A tree as a camera writes it.
fn sample() -> Ifd {
    let exif = Ifd {
        entries: vec![
            Entry::rational(33434, (1, 250)),
            Entry { tag: 36864, kind: Kind::Undefined, bytes: b"0232".to_vec() },
            Entry { tag: 37500, kind: Kind::Undefined, bytes: (0..=255).collect() },
            Entry::long(PIXEL_X, &[4000]),
            Entry::long(PIXEL_Y, &[3000]),
        ],
        children: vec![(INTEROP_IFD, Ifd { entries: vec![Entry::ascii(1, "R98")], children: vec![] })],
    };
    let gps = Ifd {
        entries: vec![Entry { tag: 0, kind: Kind::Byte, bytes: vec![2, 3, 0, 0] }, Entry::ascii(1, "N")],
        children: vec![],
    };
    Ifd {
        entries: vec![Entry::ascii(271, "Maker"), Entry::short(274, &[6])],
        children: vec![(EXIF_IFD, exif), (GPS_IFD, gps)],
    }
}

/// The blob in the other byte order: headers, fields and values swapped by hand from the known layout.
fn big_endian(ifd: &Ifd, base: u32) -> Vec<u8> {
    let mut tags: Vec<(u16, Option<&Entry>, Option<&Ifd>)> = ifd
        .entries
        .iter()
        .map(|e| (e.tag, Some(e), None))
        .chain(ifd.children.iter().map(|(t, c)| (*t, None, Some(c))))
        .collect();
    tags.sort_by_key(|t| t.0);
    let mut head = (tags.len() as u16).to_be_bytes().to_vec();
    let values_at = base + 2 + 12 * tags.len() as u32 + 4;
    let mut values: Vec<u8> = Vec::new();
    for (tag, entry, child) in tags {
        let here = values_at + values.len() as u32;
        head.extend(tag.to_be_bytes());
        if let Some(child) = child {
            head.extend(4u16.to_be_bytes());
            head.extend(1u32.to_be_bytes());
            head.extend(here.to_be_bytes());
            values.extend(big_endian(child, here));
        } else if let Some(entry) = entry {
            let word = match entry.kind {
                Kind::Short => 2,
                Kind::Long | Kind::Rational => 4,
                _ => 1,
            };
            let mut bytes = entry.bytes.clone();
            bytes.chunks_mut(word).for_each(<[u8]>::reverse);
            head.extend((entry.kind as u16).to_be_bytes());
            head.extend((entry.count() as u32).to_be_bytes());
            if bytes.len() <= 4 {
                bytes.resize(4, 0);
                head.extend(bytes);
            } else {
                head.extend(here.to_be_bytes());
                values.extend(bytes);
            }
        }
        if values.len() % 2 == 1 {
            values.push(0);
        }
    }
    head.extend([0; 4]);
    head.extend(values);
    head
}

#[test]
fn a_tree_survives_writing_and_reading() {
    let blob = write(&sample()).unwrap();
    assert_eq!(&blob[..4], b"II*\0");
    let found = parse(&blob, 1 << 20).unwrap();
    assert_eq!((found.ifd, found.order, found.note_at), (sample(), Order::Little, Some(160)));
}

#[test]
fn both_byte_orders_mean_the_same() {
    let mut blob = b"MM\0*\0\0\0\x08".to_vec();
    blob.extend(big_endian(&sample(), 8));
    let found = parse(&blob, 1 << 20).unwrap();
    assert_eq!((found.ifd, found.order, found.note_at), (sample(), Order::Big, Some(154)));
}

#[test]
fn a_big_tree_lies_at_any_offset() {
    let mut file = b"II+\0\x08\0\0\0".to_vec();
    file.extend(64u64.to_le_bytes());
    file.resize(64, 0);
    let mut tree = sample();
    tree.entries.push(Entry::long8(50000, &[1 << 40, 7]));
    file.extend(layout(&tree, 64, Form { big: true, ..Form::default() }).unwrap());
    assert_eq!(parse(&file, 1 << 20).unwrap().ifd.find(50000), tree.entries.last());
    assert!(write(&tree).unwrap_err().contains("64-bit"));
}

#[test]
fn circles_and_lies_are_left_out_with_a_reason() {
    // The Exif pointer leads back to IFD0; Make claims 4 GiB at an absurd place.
    let mut blob = b"II*\0\x08\0\0\0\x02\0".to_vec();
    blob.extend([0x0f, 1, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff]);
    blob.extend([0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0]);
    blob.extend([0; 4]);
    let found = parse(&blob, 1 << 20).unwrap();
    assert!(found.ifd.is_empty());
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    assert!(found.warnings.iter().any(|w| w.contains("circle")) && found.warnings.iter().any(|w| w.contains("limit")));
}

#[test]
fn damage_never_panics() {
    let blob = write(&sample()).unwrap();
    for cut in 0..blob.len() {
        let _ = parse(&blob[..cut], 1 << 16);
    }
    for at in 0..blob.len() * 8 {
        let mut bad = blob.clone();
        bad[at / 8] ^= 1 << (at % 8);
        if let Ok(found) = parse(&bad, 1 << 16) {
            let _ = write(&found.ifd);
        }
    }
}

#[test]
fn the_budget_bounds_all_values_together() {
    let found = parse(&write(&sample()).unwrap(), 100).unwrap();
    let bytes = |ifd: &Ifd| ifd.entries.iter().map(|e| e.bytes.len()).sum::<usize>();
    assert!(bytes(&found.ifd) + found.ifd.children.iter().map(|(_, c)| bytes(c)).sum::<usize>() <= 100);
    assert!(found.warnings.iter().any(|w| w.contains("37500")), "MakerNote of 256 bytes is over the limit");
}

#[test]
fn only_descriptive_tags_stay_and_dimensions_are_set() {
    let mut tree = sample();
    tree.describe_only(10, 20);
    assert!(tree.find(274).is_none() && tree.find(271).is_some());
    let exif = tree.child(EXIF_IFD).unwrap();
    assert_eq!((exif.find(PIXEL_X).unwrap().first(), exif.find(PIXEL_Y).unwrap().first()), (Some(10), Some(20)));
}
