//! Where the properties of a packet lie.

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::ns;

/// Properties a packet may have. The largest seen in practice, with every setting of a raw converter and hundreds of history entries
/// as one property, have some 400.
pub(super) const MOST_PROPERTIES: usize = 20_000;

/// Namespaces that may be declared at one place; together with [`MOST_PROPERTIES`] it bounds the time for looking prefixes up.
pub(super) const MOST_NAMESPACES: usize = 1024;

/// Bytes of a namespace: the longest in use have some 80. Every property holds a copy of its own.
const MOST_NAMESPACE: usize = 256;

/// Why a packet was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is not well-formed, or holds no RDF: the end of a sentence that begins with "the XMP packet".
    Malformed(String),
    /// It is made to harm: the end of a sentence as above.
    Hostile(String),
}

/// A property, as an attribute or an element of an `rdf:Description`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Namespace; empty for a prefix that is not declared, and for a namespace of more than 256 bytes.
    pub namespace: String,
    /// Name without prefix.
    pub name: String,
    /// Everything that goes when it is dropped, the blanks before it included.
    pub whole: Range<usize>,
    /// Its text where that is simple.
    pub value: Option<Range<usize>>,
}

impl Property {
    /// True for the property `name` of `namespace`.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }
}

/// A packet that was read. Ranges are bytes of `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The packet.
    pub text: &'a str,
    /// Properties of the first `rdf:RDF`, in the packet's sequence.
    pub properties: Vec<Property>,
    /// The subject, as `rdf:about` writes it: empty for the file itself.
    pub about: String,
    /// Prefix of RDF with its colon.
    pub rdf_prefix: String,
    /// Where another `rdf:Description` can be put.
    pub insert_at: usize,
    /// The first `rdf:RDF` as an element.
    pub(super) body: Range<usize>,
    /// What is no property and says something all the same, in `body`: comments, processing instructions, loose text, values of RDF's own
    /// attributes.
    pub(super) loose: Vec<Range<usize>>,
    /// Why the properties cannot be told from everything else: the end of a sentence that begins with "XMP".
    pub(super) unclear: Option<String>,
    /// The `/>` of an `rdf:RDF` without content.
    pub(super) empty_end: Option<Range<usize>>,
}

impl Packet<'_> {
    /// Text of the first property of this name, where it is simple.
    pub fn value(&self, namespace: &str, name: &str) -> Option<&str> {
        let property = self.properties.iter().find(|p| p.is(namespace, name))?;
        self.text.get(property.value.clone()?)
    }
}

/// Reads a packet (UTF-8). Time and memory are bounded by its length.
///
/// # Errors
/// [`Problem`].
pub fn scan(text: &str) -> Result<Packet<'_>, Problem> {
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MOST_NAMESPACES);
    let mut scanner = Scanner {
        text,
        packet: Packet {
            text,
            properties: Vec::new(),
            about: String::new(),
            rdf_prefix: String::new(),
            insert_at: 0,
            body: 0..0,
            loose: Vec::new(),
            unclear: None,
            empty_end: None,
        },
        depth: 0,
        rdf: None,
        closed: false,
        open: None,
        first_subject: true,
    };
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|e| Problem::Malformed(format!("is damaged: {e}")))?;
        let end = reader.buffer_position() as usize;
        match event {
            Event::Eof if scanner.depth > 0 => {
                return Err(Problem::Malformed("is damaged: it ends inside an element".into()));
            }
            Event::Eof if scanner.closed => return Ok(scanner.packet),
            Event::Eof => return Err(Problem::Malformed("holds no rdf:RDF element".into())),
            Event::DocType(_) => {
                return Err(Problem::Hostile("defines a document type, which XMP does not have".into()));
            }
            Event::Start(tag) => {
                scanner.tag(&reader, &tag, start..end, false)?;
                scanner.depth += 1;
            }
            Event::Empty(tag) => scanner.tag(&reader, &tag, start..end, true)?,
            Event::End(_) => {
                scanner.depth = scanner.depth.saturating_sub(1);
                scanner.end(start..end)?;
            }
            Event::Comment(_) | Event::PI(_) => scanner.loose(start..end),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if scanner.open.is_none() => {
                scanner.loose(start..end);
            }
            _ => {}
        }
    }
}

/// A property element whose end was not seen yet.
struct Open {
    namespace: String,
    name: String,
    start: usize,
    content: usize,
    simple: bool,
}

struct Scanner<'a> {
    text: &'a str,
    packet: Packet<'a>,
    /// Open elements.
    depth: usize,
    /// Depth of `rdf:RDF` while it is open.
    rdf: Option<usize>,
    /// `rdf:RDF` was seen whole.
    closed: bool,
    open: Option<Open>,
    first_subject: bool,
}

impl Scanner<'_> {
    fn tag(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart<'_>,
        range: Range<usize>,
        empty: bool,
    ) -> Result<(), Problem> {
        let resolve = |name: QName<'_>| -> (String, String) {
            let (found, local) = reader.resolver().resolve_element(name);
            (namespace(&found), local.as_ref().to_owned())
        };
        match self.rdf.map(|rdf| self.depth - rdf) {
            None if resolve(tag.name()) != (ns::RDF.to_owned(), "RDF".to_owned()) => {}
            None if self.closed => {
                self.packet.unclear.get_or_insert_with(|| "holds more than one rdf:RDF".to_owned());
            }
            None => {
                self.packet.body = range.clone();
                let prefix = tag.name().prefix().map(|p| format!("{}:", p.as_ref()));
                self.packet.rdf_prefix = prefix.unwrap_or_default();
                if empty {
                    self.closed = true;
                    self.packet.empty_end = Some(range.end.saturating_sub(2)..range.end);
                } else {
                    self.rdf = Some(self.depth);
                }
                self.own_attributes(tag)?;
            }
            Some(1) => self.description(reader, tag, &range)?,
            Some(2) => {
                let (namespace, name) = resolve(tag.name());
                if empty {
                    let whole = self.with_blanks(range);
                    self.push(Property { namespace, name, whole, value: None })?;
                } else {
                    self.open = Some(Open { namespace, name, start: range.start, content: range.end, simple: true });
                }
            }
            Some(_) => {
                if let Some(open) = &mut self.open {
                    open.simple = false;
                }
            }
        }
        Ok(())
    }

    /// Something in `rdf:RDF` that is no property. White space says nothing, and that at the end goes with the property behind it.
    fn loose(&mut self, range: Range<usize>) {
        let text = self.text.get(range.clone()).unwrap_or_default().trim_end();
        if self.rdf.is_none() || text.is_empty() {
            return;
        }
        if self.packet.loose.len() < MOST_PROPERTIES {
            self.packet.loose.push(range.start..range.start + text.len());
        } else {
            let why = || format!("has more than {MOST_PROPERTIES} comments and the like");
            self.packet.unclear.get_or_insert_with(why);
        }
    }

    /// Attributes of `rdf:RDF`, which has none but namespaces.
    fn own_attributes(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| Problem::Malformed(format!("is damaged: {e}")))?;
            let key = attribute.key.as_ref();
            if key != "xmlns" && !key.starts_with("xmlns:") {
                let why = || "has attributes at rdf:RDF".to_owned();
                self.packet.unclear.get_or_insert_with(why);
            }
        }
        Ok(())
    }

    /// Attributes of an `rdf:Description` that are properties.
    fn description(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart<'_>,
        range: &Range<usize>,
    ) -> Result<(), Problem> {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let mut about = None;
        let mut at = tag.name().as_ref().len() + 1;
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| Problem::Malformed(format!("is damaged: {e}")))?;
            let key = attribute.key.as_ref();
            // The library's slices are copies of no known place: found again, each behind the one before.
            let found = source.get(at..).and_then(|rest| place(rest, key, &attribute.value));
            let Some((whole, value)) = found else {
                return Err(Problem::Malformed("is damaged: an attribute was not found again".into()));
            };
            let shift = |r: Range<usize>| range.start + at + r.start..range.start + at + r.end;
            let (next, whole, value) = (at + whole.end, shift(whole), shift(value));
            at = next;
            if key == "xmlns" || key.starts_with("xmlns:") || key.starts_with("xml:") {
                continue;
            }
            let (found, local) = reader.resolver().resolve_attribute(attribute.key);
            let namespace = namespace(&found);
            if namespace == ns::RDF || (namespace.is_empty() && local.as_ref() == "about") {
                self.loose(value);
                if local.as_ref() == "about" {
                    about = Some(attribute.value.into_owned());
                }
                continue;
            }
            let name = local.as_ref().to_owned();
            self.push(Property { namespace, name, whole, value: Some(value) })?;
        }
        if std::mem::take(&mut self.first_subject) {
            self.packet.about = about.unwrap_or_default().replace('"', "&quot;");
        }
        Ok(())
    }

    fn end(&mut self, range: Range<usize>) -> Result<(), Problem> {
        match self.rdf.map(|rdf| self.depth.saturating_sub(rdf)) {
            Some(0) => {
                self.rdf = None;
                self.closed = true;
                self.packet.insert_at = range.start;
                self.packet.body.end = range.end;
            }
            Some(2) => {
                if let Some(open) = self.open.take() {
                    let whole = self.with_blanks(open.start..range.end);
                    let value = open.simple.then_some(open.content..range.start);
                    let Open { namespace, name, .. } = open;
                    self.push(Property { namespace, name, whole, value })?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, property: Property) -> Result<(), Problem> {
        if self.packet.properties.len() >= MOST_PROPERTIES {
            return Err(Problem::Hostile(format!("has more than {MOST_PROPERTIES} properties, the limit")));
        }
        self.packet.properties.push(property);
        Ok(())
    }

    /// `range` with the blanks before it.
    fn with_blanks(&self, range: Range<usize>) -> Range<usize> {
        let before = self.text.get(..range.start).unwrap_or_default();
        before.trim_end_matches([' ', '\t', '\r', '\n']).len()..range.end
    }
}

/// Where an attribute lies in `rest`, blanks before it included, and where its value.
fn place(rest: &str, key: &str, value: &str) -> Option<(Range<usize>, Range<usize>)> {
    let blanks = rest.len() - rest.trim_start().len();
    let after_key = rest.get(blanks..)?.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start();
    let quote = after_key.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let start = rest.len() - after_key.len() + 1;
    let end = start + value.len();
    (rest.get(start..end)? == value && rest.get(end..)?.starts_with(quote)).then_some((0..end + 1, start..end))
}

/// The namespace; empty where there is none, or one that nobody has.
pub(super) fn namespace(found: &ResolveResult<'_>) -> String {
    match found {
        ResolveResult::Bound(namespace) if namespace.as_ref().len() <= MOST_NAMESPACE => namespace.as_ref().to_owned(),
        _ => String::new(),
    }
}
