//! What a sink writes beside the pixels: camera facts, blobs, resolution, and a maker note at the offset its maker gave it.

use super::{meta, tags};
use crate::codec::SinkSpec;
use crate::picture::exif::{self, Entry, Form, Found, Ifd, Kind};

/// EXIF values that are taken over.
const MOST_EXIF_BYTES: u64 = 64 << 20;

/// Everything about the picture that is not about its storage, and how the directory is to be laid out.
pub(super) fn described(spec: &SinkSpec, big: bool) -> Result<(Ifd, Form), String> {
    let metadata = &spec.metadata;
    let mut found = Found::default();
    if let Some(blob) = &metadata.exif {
        let parsed = exif::parse(blob, MOST_EXIF_BYTES);
        found = parsed.map_err(|reason| format!("the EXIF block cannot be carried over: {reason}"))?;
        found.ifd.describe_only(spec.extent.width, spec.extent.height);
    }
    let pinned = exif::pin(&found, super::write::DATA_START).is_some();
    let form = Form { big, note_at: found.note_at, pinned, ..Form::default() };
    let mut ifd = found.ifd;
    if !spec.text.is_empty() && ifd.find(tags::IMAGE_DESCRIPTION).is_none() {
        let text: Vec<String> = spec.text.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        ifd.entries.push(Entry::ascii(tags::IMAGE_DESCRIPTION, &text.join("; ")));
    }
    if let Some(resolution) = &metadata.resolution {
        ifd.entries.extend(meta::resolution_entries(resolution));
    }
    let blobs = [
        (tags::ICC, Kind::Undefined, &metadata.icc),
        (tags::XMP, Kind::Byte, &metadata.xmp),
        (tags::IPTC, Kind::Undefined, &metadata.iptc),
        (tags::PHOTOSHOP, Kind::Byte, &metadata.photoshop),
    ];
    for (tag, kind, blob) in blobs {
        if let Some(bytes) = blob {
            ifd.entries.push(Entry { tag, kind, bytes: bytes.clone() });
        }
    }
    Ok((ifd, form))
}

/// The first bytes of the file: room for the header, and a pinned maker note. Pixels follow, on an even offset.
///
/// # Errors
/// When the metadata cannot be written: now, and not after all rows.
pub(super) fn start(spec: &SinkSpec, big: bool) -> Result<Vec<u8>, String> {
    let (ifd, form) = described(spec, big)?;
    exif::layout(&ifd, 0, form)?;
    let mut bytes = vec![0; super::write::DATA_START as usize];
    let found = Found { ifd, note_at: form.note_at, ..Found::default() };
    if let Some((at, note)) = exif::pin(&found, super::write::DATA_START) {
        bytes.resize(usize::try_from(at).map_err(|e| e.to_string())?, 0);
        bytes.extend_from_slice(note);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
    }
    Ok(bytes)
}
