//! Every element of a packet with what it says, whatever structure it is in: for properties that are structures.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::NsReader;

use super::scan::{MOST_NAMESPACES, MOST_PROPERTIES, namespace};

/// Elements within each other: RDF needs some ten.
const MOST_DEPTH: usize = 256;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Attributes in their sequence: namespace, name, value as written; then elements in it that hold nothing but text, which RDF takes for
    /// the same (ISO 16684-1, 7.4).
    pub attributes: Vec<(String, String, String)>,
}

impl Element {
    /// The value of the attribute `name` of a namespace that ends so.
    pub fn value(&self, namespace_end: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(space, n, _)| n == name && space.ends_with(namespace_end));
        found.map(|(_, _, value)| value.as_str())
    }
}

/// An element whose end was not seen yet.
struct Open {
    /// Its place among all.
    place: usize,
    namespace: String,
    name: String,
    element: Element,
    /// Its text while it may be all that is in it.
    text: Option<String>,
}

struct Walker {
    most_bytes: usize,
    /// Values that may still be taken.
    left: usize,
    elements: usize,
    open: Vec<Open>,
    found: Vec<(usize, Element)>,
}

/// The elements that have attributes with namespaces, or elements of nothing but text, in the packet's sequence; those in front of where it is
/// damaged, if it is. Values and names longer than `most_bytes` are left out, and so is what follows the first 20 000 values.
pub fn elements(text: &str, most_bytes: usize) -> Vec<Element> {
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MOST_NAMESPACES);
    let mut walker = Walker { most_bytes, left: MOST_PROPERTIES, elements: 0, open: Vec::new(), found: Vec::new() };
    while walker.left > 0 {
        let Ok(event) = reader.read_event() else { break };
        match event {
            Event::Eof | Event::DocType(_) => break,
            Event::Start(_) if walker.open.len() >= MOST_DEPTH => break,
            Event::Start(tag) => walker.start(&reader, &tag),
            Event::Empty(tag) => {
                walker.start(&reader, &tag);
                walker.end();
            }
            Event::End(_) => walker.end(),
            Event::Text(piece) => walker.text(&piece),
            Event::CData(_) | Event::GeneralRef(_) => {
                if let Some(open) = walker.open.last_mut() {
                    open.text = None;
                }
            }
            _ => {}
        }
    }
    // What the damage left open.
    while !walker.open.is_empty() {
        walker.close(false);
    }
    walker.found.sort_by_key(|(place, _)| *place);
    walker.found.into_iter().map(|(_, element)| element).collect()
}

impl Walker {
    fn start(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) {
        if let Some(parent) = self.open.last_mut() {
            parent.text = None;
        }
        let mut element = Element::default();
        for attribute in tag.attributes().with_checks(false).flatten() {
            let key = attribute.key.as_ref();
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            let (space, name) = reader.resolver().resolve_attribute(attribute.key);
            let space = namespace(&space);
            let short = name.as_ref().len().max(attribute.value.len()) <= self.most_bytes;
            if !space.is_empty() && short && self.left > 0 {
                self.left -= 1;
                element.attributes.push((space, name.as_ref().to_owned(), attribute.value.as_ref().to_owned()));
            }
        }
        let (space, name) = reader.resolver().resolve_element(tag.name());
        let name = if name.as_ref().len() <= self.most_bytes { name.as_ref().to_owned() } else { String::new() };
        let text = element.attributes.is_empty().then(String::new);
        self.open.push(Open { place: self.elements, namespace: namespace(&space), name, element, text });
        self.elements += 1;
    }

    fn text(&mut self, piece: &str) {
        let Some(open) = self.open.last_mut() else { return };
        match &mut open.text {
            Some(text) if text.len() + piece.len() <= self.most_bytes => text.push_str(piece),
            _ => open.text = None,
        }
    }

    fn end(&mut self) {
        self.close(true);
    }

    /// Takes the innermost element; the text of one that is `whole` is a value of the one around it.
    fn close(&mut self, whole: bool) {
        let Some(Open { place, namespace, name, element, text }) = self.open.pop() else { return };
        if !element.attributes.is_empty() {
            self.found.push((place, element));
        }
        let Some(parent) = self.open.last_mut() else { return };
        let text = text.map(|text| text.trim().to_owned()).filter(|text| whole && !text.is_empty());
        if let Some(text) = text
            && !namespace.is_empty()
            && !name.is_empty()
            && self.left > 0
        {
            self.left -= 1;
            parent.element.attributes.push((namespace, name, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_walked() {
        let text = "<a xmlns:i=\"urn:item/\"><b><c i:Length=\"5\" i:Long=\"123456789\" plain=\"x\"/></b><c i:Length=\"7\"/></a>";
        let found = elements(text, 8);
        let lengths: Vec<_> = found.iter().filter_map(|e| e.value("item/", "Length")).collect();
        assert_eq!(lengths, ["5", "7"]);
        assert_eq!(found[0].value("item/", "Long"), None);
        assert!(elements("<a xmlns:i='u' i:b='1'><", 9).len() == 1 && elements("<!DOCTYPE x><a/>", 9).is_empty());
    }

    #[test]
    fn elements_of_text_are_values_of_what_is_around_them() {
        let text = "<a xmlns:i='urn:item/' i:Mime='1'><b><i:Length> 5 </i:Length><i:Mime>x&amp;y</i:Mime><i:Long>123456789</i:Long>\
                    <i:Deep><i:Pad>3</i:Pad></i:Deep></b><i:Length>cut";
        let found = elements(text, 8);
        let own = |name: &str| found.iter().map(|e| e.value("item/", name).unwrap_or("-")).collect::<Vec<_>>();
        assert_eq!((own("Mime"), own("Length")), (vec!["1", "-", "-"], vec!["-", "5", "-"]));
        assert_eq!((own("Pad"), own("Long")), (vec!["-", "-", "3"], vec!["-"; 3]));
    }

    #[test]
    fn namespaces_are_no_way_to_fill_memory() {
        let attributes: String = (0..2000).map(|i| format!(" n:a{i}='1'")).collect();
        let long = format!("<a xmlns:n='{}' xmlns:i='u'><b{attributes}/><c i:b='1'/></a>", "u".repeat(1 << 20));
        assert_eq!(elements(&long, 8).len(), 1);
        let attributes: String = (0..30_000).map(|i| format!(" n:a{i}='1'")).collect();
        let many = elements(&format!("<a xmlns:n='u'{attributes}><b n:a='1'/></a>"), 8);
        assert_eq!(many.iter().map(|e| e.attributes.len()).sum::<usize>(), MOST_PROPERTIES);
        let deep = format!("<a xmlns:n='u' n:b='1'>{}", "<a>".repeat(1 << 20));
        assert_eq!(elements(&deep, 8).len(), 1);
    }
}
