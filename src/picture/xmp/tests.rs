use super::*;

/// A packet as Lightroom writes it, both forms of properties, with comments and odd prefixes.
const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <r:Description r:about="uuid:1"
    xmlns:t="http://ns.adobe.com/tiff/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
   t:Orientation = '6'
   crs:Exposure2012="+1.0 &gt; 0">
   <!-- kept -->
   <crs:ToneCurve>
    <r:Seq><r:li>0, 0</r:li></r:Seq>
   </crs:ToneCurve>
   <t:ImageWidth>10</t:ImageWidth>
   <t:Empty/>
  </r:Description>
  <r:Description r:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>a/b</dc:format></r:Description>
 </r:RDF>
</x:xmpmeta>
      
<?xpacket end="w"?>"#;

#[test]
fn properties_are_found_in_both_forms() {
    let packet = scan(PACKET).unwrap();
    let names: Vec<_> = packet.properties.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["Orientation", "Exposure2012", "ToneCurve", "ImageWidth", "Empty", "format"]);
    assert_eq!(packet.value(ns::TIFF, "Orientation"), Some("6"));
    assert_eq!(packet.value(ns::CRS, "ToneCurve"), None);
    assert_eq!(packet.value(ns::DC, "format"), Some("a/b"));
    assert_eq!((packet.about.as_str(), packet.rdf_prefix.as_str()), ("uuid:1", "r:"));
}

#[test]
fn only_what_was_decided_changes() {
    let packet = scan(PACKET).unwrap();
    assert_eq!(edit(&packet, |_| Action::Keep, None), PACKET);
    let edited = edit(
        &packet,
        |p| match (p.namespace.as_str(), p.name.as_str()) {
            (ns::CRS, _) => Action::Drop,
            (ns::TIFF, "Orientation") => Action::Set("1".into()),
            (ns::TIFF, "ImageWidth") => Action::Set("<&\">".into()),
            _ => Action::Keep,
        },
        None,
    );
    let expected = PACKET
        .replace("'6'", "'1'")
        .replace("\n   crs:Exposure2012=\"+1.0 &gt; 0\"", "")
        .replace("\n   <crs:ToneCurve>\n    <r:Seq><r:li>0, 0</r:li></r:Seq>\n   </crs:ToneCurve>", "")
        .replace(">10<", ">&lt;&amp;&quot;&gt;<");
    assert_eq!(edited, expected);
    assert_eq!(without_padding(PACKET), PACKET.replace("\n      \n<?xpacket end", "\n<?xpacket end"));
}

#[test]
fn provenance_is_one_more_description_of_the_same_subject() {
    let provenance = Provenance {
        version: "0.1.0".into(),
        recipe: "<my> \"look\" & \u{1}".into(),
        recipe_hash: "ab".into(),
        model: None,
    };
    let edited = edit(&scan(PACKET).unwrap(), |_| Action::Keep, Some(&provenance));
    let packet = scan(&edited).unwrap();
    assert_eq!(packet.value(ns::CHIARO, "Recipe"), Some("&lt;my&gt; &quot;look&quot; &amp; \u{fffd}"));
    assert!(edited.contains("r:about=\"uuid:1\" xmlns:chiaro="));
    let alone = provenance.packet();
    let alone = scan(&alone).unwrap();
    assert_eq!(alone.properties.len(), 3);
    assert!(alone.properties.iter().all(|p| p.namespace == ns::CHIARO));
    // An RDF element without content is opened.
    let bare = format!("<rdf:RDF xmlns:rdf=\"{}\"/>", ns::RDF);
    let filled = edit(&scan(&bare).unwrap(), |_| Action::Keep, Some(&provenance));
    assert_eq!(scan(&filled).unwrap().properties.len(), 3);
}

#[test]
fn damage_is_told_and_never_panics() {
    for cut in (0..PACKET.len()).filter(|at| PACKET.is_char_boundary(*at)) {
        match scan(&PACKET[..cut]) {
            // Behind the last element only the end of the wrapper is missing.
            Ok(_) => assert!(PACKET[..cut].contains("</x:xmpmeta>"), "{cut}"),
            Err(problem) => assert!(matches!(problem, Problem::Malformed(_))),
        }
    }
    for bad in ["", "no XML", "<a></b>", "<r:RDF/>", "<a><b/></a>", "<a x=1/>"] {
        assert!(matches!(scan(bad), Err(Problem::Malformed(_))), "{bad}");
    }
}

#[test]
fn bombs_do_not_go_off() {
    let mut bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
    for (entity, of) in [("b", "a"), ("c", "b"), ("d", "c")] {
        bomb.push_str(&format!("<!ENTITY {entity} \"{}\">", format!("&{of};").repeat(1000)));
    }
    bomb.push_str("]>");
    assert!(matches!(scan(&format!("{bomb}{PACKET}")), Err(Problem::Hostile(_))));
    let head = format!("<r:RDF xmlns:r=\"{}\"><r:Description", ns::RDF);
    let properties: String = (0..30_000).map(|i| format!(" p{i}=\"\"")).collect();
    assert!(matches!(scan(&format!("{head}{properties}/></r:RDF>")), Err(Problem::Hostile(_))));
    let namespaces: String = (0..5000).map(|i| format!(" xmlns:p{i}=\"u\"")).collect();
    assert!(scan(&format!("{head}{namespaces}/></r:RDF>")).is_err());
    // One namespace is not copied 20 000 times.
    let properties: String = (0..20_000).map(|i| format!(" n:p{i}=\"\"")).collect();
    let long = format!("{head} xmlns:n=\"{}\"{properties}/></r:RDF>", "u".repeat(1 << 20));
    assert_eq!(scan(&long).unwrap().properties.iter().map(|p| p.namespace.len()).sum::<usize>(), 0);
    // 50 MB of one value is slow to nobody, and survives.
    let large = format!("{head} a=\"{}\"/></r:RDF>", "x".repeat(50 << 20));
    let packet = scan(&large).unwrap();
    assert_eq!(packet.properties[0].value.clone().map(|r| r.len()), Some(50 << 20));
    // Nesting is no recursion.
    let deep = format!("{head}>{}{}</r:Description></r:RDF>", "<a>".repeat(60_000), "</a>".repeat(60_000));
    assert!(scan(&deep).is_ok());
}

/// Only what is asked for is left, wherever else a packet can say something.
#[test]
fn a_fresh_packet_holds_nothing_else() {
    let packet = PACKET
        .replace("<x:xmpmeta ", "<!-- private --><x:xmpmeta x:xmptk='private' ")
        .replace("<!-- kept -->", "<!-- private --><?private?>private")
        .replace("<dc:format>", "<dc:rights><!-- private -->mine &amp; yours</dc:rights><dc:format>")
        .replace("uuid:1", "private")
        .replace("</x:xmpmeta>", "<private/>private</x:xmpmeta>");
    let fresh = only(&scan(&packet).unwrap(), |p| p.is(ns::DC, "rights")).unwrap();
    let found = scan(&fresh).unwrap();
    assert_eq!((found.properties.len(), found.value(ns::DC, "rights")), (1, Some("mine &amp; yours")));
    assert!(!fresh.contains("private") && !fresh.contains("crs:") && !fresh.contains("a/b"), "{fresh}");

    let second = PACKET.replace("</x:xmpmeta>", &format!("<r:RDF xmlns:r='{}'/></x:xmpmeta>", ns::RDF));
    let why = only(&scan(&second).unwrap(), |p| p.is(ns::DC, "format")).unwrap_err();
    assert_eq!(why, "holds more than one rdf:RDF");
    let strange = PACKET.replace("<r:RDF ", "<r:RDF r:note='private' ");
    assert!(only(&scan(&strange).unwrap(), |p| p.is(ns::DC, "format")).is_err());
    // Declared outside: the properties would lose their names.
    let outside = PACKET.replace(" xmlns:t=\"http://ns.adobe.com/tiff/1.0/\"", "");
    let outside = outside.replace("<x:xmpmeta ", "<x:xmpmeta xmlns:t='http://ns.adobe.com/tiff/1.0/' ");
    let packet = scan(&outside).unwrap();
    assert_eq!(packet.value(ns::TIFF, "Orientation"), Some("6"));
    assert!(only(&packet, |p| p.namespace == ns::TIFF).is_err());
    assert!(only(&packet, |p| p.is(ns::DC, "format")).is_ok());
}
