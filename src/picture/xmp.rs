//! XMP packets: finding properties and changing some of them, every other byte left as it is.
//!
//! A packet is RDF/XML (ISO 16684-1, 7): `rdf:RDF` holds `rdf:Description` elements, whose attributes and child elements are the
//! properties. The XML library only *reads*: it tells where each property lies, and edits are made in the packet's own text, so that
//! comments, padding, prefixes and the sequence of properties survive.
//!
//! A document type is refused (ISO 16684-1 has none in packets), so no entity can be defined, much less expanded.

mod scan;
mod walk;

pub use scan::{Packet, Problem, Property, scan};
pub use walk::{Element, elements};

use std::ops::Range;

/// Namespaces of properties that Chiaro knows (ISO 16684-1 and -2; XMP specification part 2; IPTC Photo Metadata; PLUS; Creative Commons).
pub mod ns {
    #![expect(missing_docs, reason = "each is the namespace of its usual prefix")]

    pub const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
    pub const DC: &str = "http://purl.org/dc/elements/1.1/";
    pub const XMP: &str = "http://ns.adobe.com/xap/1.0/";
    pub const XMP_MM: &str = "http://ns.adobe.com/xap/1.0/mm/";
    pub const XMP_RIGHTS: &str = "http://ns.adobe.com/xap/1.0/rights/";
    pub const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
    pub const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
    pub const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
    pub const CRS: &str = "http://ns.adobe.com/camera-raw-settings/1.0/";
    pub const CRSS: &str = "http://ns.adobe.com/camera-raw-saved-settings/1.0/";
    pub const PLUS: &str = "http://ns.useplus.org/ldf/xmp/1.0/";
    pub const CC: &str = "http://creativecommons.org/ns#";
    /// Of Chiaro's own properties (see [`super::Provenance`]). A name only: nothing is ever fetched from there.
    pub const CHIARO: &str = "https://chiaro.dev/ns/1.0/";
}

/// What stands before and after `rdf:RDF` in a packet of ours (XMP specification part 1, 7.3).
const HEAD: &str =
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n ";
const TAIL: &str = "\n</x:xmpmeta>\n<?xpacket end=\"w\"?>";

/// What happens to one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// It gets this text, if it is a simple one; a structure stays.
    Set(String),
}

/// How a picture came to be, as one more `rdf:Description` with the properties `Version`, `Recipe`, `RecipeHash` and, when depth was
/// estimated, `DepthModel` in the namespace [`ns::CHIARO`]. No time, place or path: the same work gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Version of the program, "0.1.0".
    pub version: String,
    /// Name of the recipe.
    pub recipe: String,
    /// Hash of the recipe, hex.
    pub recipe_hash: String,
    /// Id of the depth model, when one was used.
    pub model: Option<String>,
}

impl Provenance {
    /// The element. `rdf` is the packet's prefix of RDF with its colon, `about` the subject as the packet writes it.
    fn element(&self, rdf: &str, about: &str) -> String {
        let mut text = format!("<{rdf}Description {rdf}about=\"{about}\" xmlns:chiaro=\"{}\"", ns::CHIARO);
        let facts = [("Version", Some(&self.version)), ("Recipe", Some(&self.recipe))];
        let more = [("RecipeHash", Some(&self.recipe_hash)), ("DepthModel", self.model.as_ref())];
        for (name, value) in facts.into_iter().chain(more) {
            if let Some(value) = value {
                text.push_str(&format!(" chiaro:{name}=\"{}\"", escaped(value)));
            }
        }
        text.push_str("/>");
        text
    }

    /// A packet that holds nothing else.
    pub fn packet(&self) -> String {
        let element = self.element("rdf:", "");
        format!("{HEAD}<rdf:RDF xmlns:rdf=\"{}\">\n  {element}\n </rdf:RDF>{TAIL}", ns::RDF)
    }
}

/// `text` for an attribute value or element content. Characters that XML 1.0 cannot hold become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\0'..=' ' if !matches!(c, '\t' | '\n' | '\r' | ' ') => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// The packet with `decide` done to each of its properties, and with `provenance` in place of an older one.
pub fn edit(packet: &Packet<'_>, decide: impl Fn(&Property) -> Action, provenance: Option<&Provenance>) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for property in &packet.properties {
        match decide(property) {
            Action::Keep => {}
            Action::Drop => edits.push((property.whole.clone(), String::new())),
            Action::Set(value) => {
                if let Some(place) = &property.value {
                    edits.push((place.clone(), escaped(&value)));
                }
            }
        }
    }
    if let Some(provenance) = provenance {
        let element = provenance.element(&packet.rdf_prefix, &packet.about);
        edits.push(match &packet.empty_end {
            Some(end) => (end.clone(), format!(">{element}</{}RDF>", packet.rdf_prefix)),
            None => (packet.insert_at..packet.insert_at, format!("{element}\n ")),
        });
    }
    apply(packet.text, edits)
}

/// A fresh packet that holds the properties `keep` wants and nothing else: no comments, no subject, no attributes of the wrapper.
///
/// # Errors
/// The end of a sentence that begins with "XMP", when the properties cannot be told from everything else in the packet.
pub fn only(packet: &Packet<'_>, keep: impl Fn(&Property) -> bool) -> Result<String, String> {
    if let Some(why) = &packet.unclear {
        return Err(why.clone());
    }
    let dropped = packet.properties.iter().filter(|property| !keep(property)).map(|property| property.whole.clone());
    let edits = dropped.chain(packet.loose.iter().cloned()).map(|range| (range, String::new())).collect();
    let body = packet.text.get(packet.body.clone()).unwrap_or_default();
    let edits = relative(edits, packet.body.start);
    let text = format!("{HEAD}{}{TAIL}", apply(body, edits));
    // Namespaces that were declared outside rdf:RDF are gone: then properties are not what they were.
    let names = |packet: &Packet<'_>| -> Vec<(String, String)> {
        let wanted = packet.properties.iter().filter(|property| keep(property));
        wanted.map(|property| (property.namespace.clone(), property.name.clone())).collect()
    };
    match scan(&text) {
        Ok(fresh) if names(&fresh) == names(packet) && fresh.properties.iter().all(&keep) => Ok(text),
        _ => Err("cannot be reduced to its rights".to_owned()),
    }
}

/// `edits` of a packet as edits of the part of it that begins at `start`.
fn relative(edits: Vec<(Range<usize>, String)>, start: usize) -> Vec<(Range<usize>, String)> {
    let moved = |range: Range<usize>| range.start.saturating_sub(start)..range.end.saturating_sub(start);
    edits.into_iter().map(|(range, text)| (moved(range), text)).collect()
}

/// Replaces ranges of `text`; of ranges that overlap the first counts.
fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len() + 512);
    let mut at = 0;
    for (range, new) in edits {
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The packet without the blanks that are there for editing in place (XMP specification part 1, 7.3.2), for containers that are small.
pub fn without_padding(packet: &str) -> String {
    let Some((body, end)) = packet.rfind("<?xpacket").map(|at| packet.split_at(at)) else { return packet.to_owned() };
    format!("{}\n{end}", body.trim_end())
}

#[cfg(test)]
mod tests;
