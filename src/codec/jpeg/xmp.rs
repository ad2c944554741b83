//! XMP in APP1 segments. A packet of at most 65 502 bytes stands alone; a longer one is split into a standard packet and an extended
//! one, which is spread over segments that carry its MD5 digest, its length and their place (XMP specification part 3, 1.1.3.1).

use std::collections::BTreeMap;
use std::fmt::Write;

use md5::{Digest, Md5};

use super::meta::MOST_PAYLOAD;
use super::phone;

const STANDARD: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// Bytes of a digest in hexadecimal digits.
const DIGEST: usize = 32;

/// The only property of a standard packet that is nothing but a pointer to its extension: what comes before and after the digest.
const POINTER: [&str; 2] = [
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description \
     rdf:about=\"\" xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\" xmpNote:HasExtendedXMP=\"",
    "\"/></rdf:RDF></x:xmpmeta>",
];

/// Gathers the packets of a file.
#[derive(Debug, Default)]
pub(super) struct Packets {
    standard: Option<Vec<u8>>,
    /// By digest.
    extended: BTreeMap<Vec<u8>, Extension>,
}

/// An extended packet on its way.
#[derive(Debug, Default)]
struct Extension {
    /// Bytes of the whole packet.
    length: u32,
    /// Parts by offset.
    parts: BTreeMap<u32, Vec<u8>>,
}

impl Packets {
    /// Takes the payload of an APP1 segment; one that is no XMP is none of our business.
    pub(super) fn take(&mut self, payload: &[u8], warnings: &mut Vec<String>) {
        if let Some(packet) = payload.strip_prefix(STANDARD) {
            if self.standard.is_none() {
                self.standard = Some(packet.to_vec());
            } else {
                warnings.push("a second XMP packet is left out".into());
            }
        } else if let Some((digest, rest)) = payload.strip_prefix(EXTENDED).and_then(|p| p.split_at_checked(DIGEST))
            && let [l0, l1, l2, l3, o0, o1, o2, o3, part @ ..] = rest
        {
            let extension = self.extended.entry(digest.to_vec()).or_default();
            extension.length = u32::from_be_bytes([*l0, *l1, *l2, *l3]);
            extension.parts.insert(u32::from_be_bytes([*o0, *o1, *o2, *o3]), part.to_vec());
        }
    }

    /// The packet, with the extension it names.
    pub(super) fn finish(mut self, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
        let standard = self.standard?;
        let Some(digest) = named_digest(&standard) else { return Some(standard) };
        let extension = self.extended.remove(&digest).ok_or("it is not there".to_owned());
        match extension.and_then(|extension| assemble(&digest, extension)) {
            Ok(extension) if is_pointer(&standard, &digest) => Some(extension),
            Ok(extension) => match merged(&standard, &extension) {
                Some(packet) => Some(packet),
                None => {
                    warnings.push(left_out("its form is not known", &standard));
                    Some(standard)
                }
            },
            Err(reason) => {
                warnings.push(left_out(&reason, &standard));
                Some(standard)
            }
        }
    }
}

/// That the extension of a standard packet is left out, and what goes with it.
fn left_out(reason: &str, standard: &[u8]) -> String {
    let lost = match std::str::from_utf8(standard).is_ok_and(phone::lacks_its_map) {
        true => "; it would hold the depth of the phone, which cannot be read",
        false => "",
    };
    format!("extended XMP is left out: {reason}{lost}")
}

/// The digest that a standard packet gives as property or attribute `xmpNote:HasExtendedXMP`.
fn named_digest(packet: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"HasExtendedXMP";
    let at = packet.windows(NAME.len()).position(|w| w == NAME)? + NAME.len();
    let digits = packet.get(at..)?.iter().skip_while(|b| !b.is_ascii_hexdigit()).take(DIGEST);
    let digest: Vec<u8> = digits.copied().collect();
    (digest.len() == DIGEST && digest.iter().all(u8::is_ascii_hexdigit)).then_some(digest)
}

/// The extension, complete and with the digest it is named by.
fn assemble(digest: &[u8], extension: Extension) -> Result<Vec<u8>, String> {
    let mut packet = Vec::new();
    for (offset, part) in extension.parts {
        if offset as usize != packet.len() {
            return Err(format!("it has a gap at byte {}", packet.len()));
        }
        packet.extend(part);
    }
    let length = extension.length;
    if packet.len() != length as usize {
        return Err(format!("it has {} of {length} bytes", packet.len()));
    }
    if !hex_digest(&packet).as_bytes().eq_ignore_ascii_case(digest) {
        return Err("its digest is wrong".into());
    }
    Ok(packet)
}

fn hex_digest(packet: &[u8]) -> String {
    Md5::digest(packet).iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02X}");
        text
    })
}

/// True for a standard packet that we wrote: it says nothing but where the extension is.
fn is_pointer(standard: &[u8], digest: &[u8]) -> bool {
    standard == [POINTER[0].as_bytes(), digest, POINTER[1].as_bytes()].concat()
}

/// The standard packet with the descriptions of the extension behind its own. Namespaces must be declared where Adobe's toolkit declares
/// them, on the descriptions; anything else is not taken apart.
fn merged(standard: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
    const CLOSE: &str = "</rdf:RDF>";
    let (standard, extension) = (std::str::from_utf8(standard).ok()?, std::str::from_utf8(extension).ok()?);
    let open = extension.find("<rdf:RDF")?;
    let start = open + extension.get(open..)?.find('>')? + 1;
    let end = extension.rfind(CLOSE).filter(|end| *end >= start)?;
    let declared = extension.get(..start)?.matches("xmlns:").count();
    let known =
        ["xmlns:x=", "xmlns:rdf="].iter().filter(|name| extension.get(..start).is_some_and(|h| h.contains(*name)));
    if declared != known.count() {
        return None;
    }
    let place = standard.rfind(CLOSE)?;
    // The note points to segments that the merged packet does not need.
    let (head, tail) = (standard.get(..place)?, standard.get(place..)?);
    Some([&without_note(head), extension.get(start..end)?, tail].concat().into_bytes())
}

/// Without the attribute or element `xmpNote:HasExtendedXMP`.
fn without_note(text: &str) -> String {
    const NAME: &str = "xmpNote:HasExtendedXMP";
    let Some(at) = text.find(NAME) else { return text.to_owned() };
    let (before, after) = text.split_at(at);
    let cut = if let Some(before) = before.strip_suffix('<') {
        let close = format!("</{NAME}>");
        after.find(&close).map(|end| (before, end + close.len()))
    } else {
        let quote = after.find(['"', '\'']);
        let end = quote.and_then(|q| {
            let mark = after.get(q..=q)?;
            Some(q + 2 + after.get(q + 1..)?.find(mark)?)
        });
        end.map(|end| (before.trim_end(), end))
    };
    match cut {
        Some((before, end)) => [before, after.get(end..).unwrap_or_default()].concat(),
        None => text.to_owned(),
    }
}

/// The APP1 payloads of a packet.
pub(super) fn segments(packet: &[u8]) -> Vec<Vec<u8>> {
    if STANDARD.len() + packet.len() <= MOST_PAYLOAD {
        return vec![[STANDARD, packet].concat()];
    }
    let digest = hex_digest(packet);
    let mut list = vec![[STANDARD, POINTER[0].as_bytes(), digest.as_bytes(), POINTER[1].as_bytes()].concat()];
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut offset = 0u32;
    for part in packet.chunks(MOST_PAYLOAD - EXTENDED.len() - DIGEST - 8) {
        list.push([EXTENDED, digest.as_bytes(), &length, &offset.to_be_bytes(), part].concat());
        offset += part.len() as u32;
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payloads: &[Vec<u8>]) -> (Option<Vec<u8>>, Vec<String>) {
        let (mut packets, mut warnings) = (Packets::default(), Vec::new());
        payloads.iter().for_each(|payload| packets.take(payload, &mut warnings));
        (packets.finish(&mut warnings), warnings)
    }

    #[test]
    fn long_packets_come_back_equal() {
        for length in [100, 65_504, 65_505, 300_000] {
            let packet: Vec<u8> = (0..length as u32).map(|i| b'a' + (i % 23) as u8).collect();
            let mut payloads = segments(&packet);
            assert!(payloads.iter().all(|p| p.len() <= MOST_PAYLOAD));
            payloads.reverse();
            assert_eq!(read(&payloads), (Some(packet), vec![]), "{length}");
        }
    }

    #[test]
    fn foreign_extensions_are_merged() {
        let extension = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"urn\"><rdf:Description xmlns:b=\"u\" b:two=\"2\"/></rdf:RDF></x:xmpmeta>";
        let digest = hex_digest(extension.as_bytes());
        let standard = |note: &str| format!("<rdf:RDF><rdf:Description a:one=\"1\"{note}</rdf:RDF>");
        for note in [
            format!(" xmpNote:HasExtendedXMP=\"{digest}\"/>"),
            format!("><xmpNote:HasExtendedXMP>{digest}</xmpNote:HasExtendedXMP></rdf:Description>"),
        ] {
            let mut payloads = vec![[STANDARD, standard(&note).as_bytes()].concat()];
            let length = (extension.len() as u32).to_be_bytes();
            let part = [EXTENDED, digest.as_bytes(), &length, &[0; 4], extension.as_bytes()].concat();
            payloads.push(part);
            let (packet, warnings) = read(&payloads);
            let text = String::from_utf8(packet.unwrap()).unwrap();
            assert!(text.contains("a:one") && text.contains("b:two") && !text.contains("HasExtendedXMP"), "{text}");
            assert_eq!(warnings, [""; 0]);
        }
    }

    #[test]
    fn damaged_extensions_leave_the_standard_packet() {
        let packet = vec![b'x'; 200_000];
        let good = segments(&packet);
        let mut damaged = good.clone();
        damaged[1][200] ^= 1;
        for payloads in [good[..3].to_vec(), vec![good[0].clone()], damaged] {
            let (packet, warnings) = read(&payloads);
            assert_eq!((packet.is_some(), warnings.len()), (true, 1), "{warnings:?}");
        }
    }
}
