//! Every element of a packet with its attributes, whatever structure they are in: for properties that are structures.

use quick_xml::events::Event;
use quick_xml::reader::NsReader;

use super::scan::{MOST_NAMESPACES, MOST_PROPERTIES, namespace};

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Attributes in their sequence: namespace, name, value as written.
    pub attributes: Vec<(String, String, String)>,
}

impl Element {
    /// The value of the attribute `name` of a namespace that ends so.
    pub fn value(&self, namespace_end: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(space, n, _)| n == name && space.ends_with(namespace_end));
        found.map(|(_, _, value)| value.as_str())
    }
}

/// The elements that have attributes with namespaces, in the packet's sequence; those in front of where it is damaged, if it is.
/// Attribute values longer than `most_bytes` are left out.
pub fn elements(text: &str, most_bytes: usize) -> Vec<Element> {
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MOST_NAMESPACES);
    let mut found = Vec::new();
    while found.len() < MOST_PROPERTIES {
        let Ok(event) = reader.read_event() else { break };
        let tag = match event {
            Event::Eof | Event::DocType(_) => break,
            Event::Start(tag) | Event::Empty(tag) => tag,
            _ => continue,
        };
        let mut attributes = Vec::new();
        for attribute in tag.attributes().with_checks(false).flatten() {
            let (space, name) = reader.resolver().resolve_attribute(attribute.key);
            let space = namespace(&space);
            if !space.is_empty() && attribute.value.len() <= most_bytes {
                attributes.push((space, name.as_ref().to_owned(), attribute.value.as_ref().to_owned()));
            }
        }
        if !attributes.is_empty() {
            found.push(Element { attributes });
        }
    }
    found
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
}
