//! The JSON Schema of recipes describes what the program accepts.

use chiaro::ops;
use chiaro::recipe::{PRESETS, Recipe, schema};
use serde_json::{Value as Json, json};

/// Why a document does not fit a schema, for the keywords that the schema uses; any other keyword is an error.
fn check(root: &Json, schema: &Json, doc: &Json) -> Result<(), String> {
    for (keyword, rule) in schema.as_object().ok_or("a schema is an object")? {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            "$ref" => {
                let name = rule.as_str().and_then(|r| r.strip_prefix("#/$defs/")).ok_or("odd $ref")?;
                check(root, root["$defs"].get(name).ok_or("dangling $ref")?, doc)?;
                true
            }
            "type" => match rule.as_str() {
                Some("object") => doc.is_object(),
                Some("array") => doc.is_array(),
                Some("string") => doc.is_string(),
                Some("number") => doc.is_number(),
                Some("integer") => doc.as_f64().is_some_and(|n| n.fract() == 0.0),
                Some("boolean") => doc.is_boolean(),
                _ => return Err(format!("unknown type {rule}")),
            },
            "const" => doc == rule,
            "enum" => rule.as_array().is_some_and(|all| all.contains(doc)),
            "minimum" => doc.as_f64() >= rule.as_f64(),
            "maximum" => doc.as_f64() <= rule.as_f64(),
            "minItems" => doc.as_array().map(Vec::len) >= rule.as_u64().map(|n| n as usize),
            "maxItems" => doc.as_array().map(Vec::len) <= rule.as_u64().map(|n| n as usize),
            "pattern" if rule == "^[0-9]+x[0-9]+$" => {
                let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
                doc.as_str().and_then(|s| s.split_once('x')).is_some_and(|(w, h)| digits(w) && digits(h))
            }
            "pattern" if rule == "\\.[iI][cC][cCmM]$|/" => doc.as_str().is_some_and(|s| {
                let lower = s.to_lowercase();
                lower.ends_with(".icc") || lower.ends_with(".icm") || s.contains('/')
            }),
            "pattern" => {
                assert_eq!(rule, "^(auto|model|jpeg|exr:.+)$|[{/.]");
                let is_word = |s: &str| ["auto", "model", "jpeg"].contains(&s) || s.len() > 4 && s.starts_with("exr:");
                doc.as_str().is_some_and(|s| is_word(s) || s.contains(['{', '/', '.']))
            }
            "required" => {
                rule.as_array().is_some_and(|keys| keys.iter().all(|k| doc.get(k.as_str().unwrap()).is_some()))
            }
            "properties" => {
                for (key, value) in doc.as_object().into_iter().flatten() {
                    if let Some(schema) = rule.get(key) {
                        check(root, schema, value).map_err(|e| format!("{key}: {e}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, &json!(false));
                doc.as_object().into_iter().flatten().all(|(key, _)| schema["properties"].get(key).is_some())
            }
            "items" => {
                for item in doc.as_array().into_iter().flatten() {
                    check(root, rule, item)?;
                }
                true
            }
            "anyOf" => rule.as_array().is_some_and(|all| all.iter().any(|s| check(root, s, doc).is_ok())),
            "oneOf" => {
                rule.as_array().is_some_and(|all| all.iter().filter(|s| check(root, s, doc).is_ok()).count() == 1)
            }
            _ => return Err(format!("unknown keyword {keyword}")),
        };
        if !fits {
            return Err(format!("{doc} does not fit {keyword} {rule}"));
        }
    }
    Ok(())
}

fn to_json(item: &toml_edit::Item) -> Json {
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|t| to_json(&toml_edit::Item::Table(t.clone()))).collect();
    }
    if let Some(table) = item.as_table_like() {
        return Json::Object(table.iter().map(|(key, item)| (key.to_owned(), to_json(item))).collect());
    }
    match item.as_value() {
        Some(toml_edit::Value::String(s)) => json!(s.value()),
        Some(toml_edit::Value::Integer(i)) => json!(i.value()),
        Some(toml_edit::Value::Float(f)) => json!(f.value()),
        Some(toml_edit::Value::Boolean(b)) => json!(b.value()),
        Some(toml_edit::Value::Array(a)) => a.iter().map(|v| to_json(&toml_edit::Item::Value(v.clone()))).collect(),
        other => panic!("{other:?}"),
    }
}

fn fits(text: &str) -> Result<(), String> {
    let document: toml_edit::DocumentMut = text.parse().map_err(|e| format!("{e}"))?;
    let schema = schema();
    check(&schema, &schema, &to_json(document.as_item()))
}

#[test]
fn presets_fit_the_schema() {
    for preset in PRESETS {
        fits(preset.text).unwrap_or_else(|e| panic!("{}: {e}", preset.id));
        fits(&Recipe::preset(preset.id).unwrap().to_toml()).unwrap_or_else(|e| panic!("{}: {e}", preset.id));
    }
}

#[test]
fn every_operation_and_default_fits() {
    for op in ops::ALL {
        let schema = schema();
        let mut table =
            serde_json::Map::from_iter([("id".to_owned(), json!(op.id())), ("strength".to_owned(), json!(1))]);
        for info in op.params() {
            table.insert(info.name.to_owned(), serde_json::to_value(&info.default).unwrap());
        }
        let doc = json!({ "version": 1, "op": [table] });
        check(&schema, &schema, &doc).unwrap_or_else(|e| panic!("{}: {e}", op.id()));
    }
}

#[test]
fn schema_and_program_agree_on_what_is_wrong() {
    let cases = [
        "version = 1\n",
        "version = 2\n",
        "summary = \"x\"\n",
        "version = 1\nsumary = \"x\"\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = { any = [{ depth = [0, 1] }, { not = { luma = [0, 0.5], of = \"source\" } }] }\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = { linear = { from = [0, 0], to = [0, 1] }, invert = true }\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = { linear = { from = [0, 0] } }\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = { depth = [0, 2] }\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = { all = [] }\n",
        "version = 1\n[[op]]\nid = \"invert\"\nmask = 1\n",
        "version = 1\ngrading = \"acescct\"\n",
        "version = 1\ngrading = \"rec709\"\n",
        "version = 1\n[depth]\nmodel = \"x\"\nsource = \"exr:Z\"\n",
        "version = 1\n[depth]\nsource = \"exr:\"\n",
        "version = 1\n[depth]\nsource = 1\n",
        "version = 1\n[depth]\nsource = \"{stem}_depth.png\"\nunit = \"tum\"\npolarity = \"near-is-small\"\nnear_m = 0.5\n",
        "version = 1\n[depth]\nunit = \"feet\"\n",
        "version = 1\n[depth]\nscale = 0\n",
        "version = 1\n[output]\nbits = 8\nformat = \"tiff\"\ncompression = \"none\"\ncolor = \"input\"\n",
        "version = 1\n[depth]\npreset = \"midas-small\"\nsize = 518\nmultiple_of = 14\nchannels = \"bgr\"\n",
        "version = 1\n[depth]\nsize = \"256x192\"\nmean = 0.5\nstd = [1, 1, 0.5]\noutput = \"meters\"\n",
        "version = 1\n[depth]\nsize = 0\n",
        "version = 1\n[depth]\nsize = 1.5\n",
        "version = 1\n[depth]\nsize = \"256\"\n",
        "version = 1\n[depth]\nmean = \"0.5\"\n",
        "version = 1\n[depth]\nmean = [1, 1]\n",
        "version = 1\n[depth]\nedge_error_px = 3\n",
        "version = 1\n[depth]\npreset = \"midas\"\n",
        "version = 1\n[output]\nbits = 10\n",
        "version = 1\n[output]\nbits = \"8\"\n",
        "version = 1\n[output]\nquality = 8\n",
        "version = 1\n[output]\ncolor = \"prophoto\"\n[input]\ncolor = \"acescct\"\noverride = true\n",
        "version = 1\n[output]\ncolor = \"acescct\"\n",
        "version = 1\n[output]\ncolor = \"auto\"\n",
        "version = 1\n[input]\ncolor = \"rec2021\"\n",
        "version = 1\n[input]\ncolor = \"auto\"\noverride = \"yes\"\n",
        "version = 1\n[[op]]\nid = \"exposure\"\nev = 1\n",
        "version = 1\n[[op]]\nid = \"exposure\"\nev = 21\n",
        "version = 1\n[[op]]\nid = \"exposure\"\nev = \"1\"\n",
        "version = 1\n[[op]]\nid = \"exposure\"\nstrength = -0.1\n",
        "version = 1\n[[op]]\nid = \"exposure\"\nslope = 1\n",
        "version = 1\n[[op]]\nid = \"blur\"\n",
        "version = 1\n[[op]]\nev = 1\n",
        "version = 1\n[[op]]\nid = \"haze\"\ncolor = [1, 1, 1]\n",
        "version = 1\n[[op]]\nid = \"haze\"\ncolor = [1, 1, 1, 1]\n",
        "version = 1\n[[op]]\nid = \"haze\"\ncolor = [1, 1, 1.5]\n",
        "version = 1\nop = 1\n",
    ];
    for text in cases {
        let read = Recipe::from_text("t", text, std::path::Path::new(""), std::path::Path::new("t"));
        assert_eq!(read.is_ok(), fits(text).is_ok(), "{text}\nschema: {:?}\nprogram: {:?}", fits(text), read.err());
    }
}
