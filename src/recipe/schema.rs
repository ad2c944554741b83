//! JSON Schema of recipes, for editors: generated from the list of operations and the tables of keys, so that it cannot fall
//! behind them.
//!
//! Draft 2020-12, <https://json-schema.org/draft/2020-12>. It describes one file; what needs other files (`extends`, LUTs) is
//! checked by the program.

use serde_json::{Map, Value as Json, json};

use super::keys::{self, Accepts, KeyInfo};
use super::mask::{self, MaskKey, Takes};
use crate::ops::{self, AnyOp, Kind, ParamInfo};

/// The schema.
pub fn schema() -> Json {
    let operations: Vec<Json> = ops::ALL.iter().map(|op| json!({ "$ref": format!("#/$defs/{}", op.id()) })).collect();
    let mut definitions: Map<String, Json> = ops::ALL.iter().map(|op| (op.id().to_owned(), operation(*op))).collect();
    definitions.insert("mask".to_owned(), mask_table(mask::KEYS, 0));
    let mut properties = properties(keys::TOP);
    properties.insert("depth".to_owned(), table("Where depth comes from.", keys::DEPTH));
    properties.insert("input".to_owned(), table("What pictures mean that do not say it.", keys::INPUT));
    let output = table("How the result is stored.", keys::OUTPUT);
    properties.insert(
        "output".to_owned(),
        json!({ "oneOf": [output, { "description": "Several results.", "type": "array", "items": output }] }),
    );
    properties.insert(
        "op".to_owned(),
        json!({
            "description": "The operations, in the order they run.",
            "type": "array",
            "items": { "oneOf": operations },
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Chiaro recipe",
        "type": "object",
        "required": ["version"],
        "additionalProperties": false,
        "properties": properties,
        "$defs": definitions,
    })
}

fn table(doc: &str, keys: &[KeyInfo]) -> Json {
    json!({ "description": doc, "type": "object", "additionalProperties": false, "properties": properties(keys) })
}

fn properties(keys: &[KeyInfo]) -> Map<String, Json> {
    keys.iter().map(|key| (key.name.to_owned(), with_doc(accepts(key.accepts), key.doc))).collect()
}

fn accepts(accepts: Accepts) -> Json {
    match accepts {
        Accepts::Version => json!({ "const": 1 }),
        Accepts::Text => json!({ "type": "string" }),
        Accepts::Flag => json!({ "type": "boolean" }),
        Accepts::Words(words) => json!({ "enum": words() }),
        Accepts::Color(words) => json!({ "oneOf": [
            { "enum": words() },
            { "type": "string", "pattern": "\\.[iI][cC][cCmM]$|/" },
        ] }),
        Accepts::Bits => json!({ "enum": [8, 16, "half", "float", "input"] }),
        Accepts::DepthSource => json!({ "type": "string", "pattern": "^(auto|model|jpeg|exr:.+)$|[{/.]" }),
        Accepts::ModelSize => json!({ "oneOf": [
            { "type": "integer", "minimum": 1, "maximum": 4096 },
            { "type": "string", "pattern": "^[0-9]+x[0-9]+$" },
        ] }),
        Accepts::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        Accepts::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Accepts::PerChannel => json!({ "oneOf": [
            { "type": "number" },
            { "type": "array", "items": { "type": "number" }, "minItems": 3, "maxItems": 3 },
        ] }),
    }
}

fn operation(op: &dyn AnyOp) -> Json {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({ "const": op.id() }));
    for info in op.params().into_iter().chain([keys::strength()]) {
        properties.insert(info.name.to_owned(), parameter(&info));
    }
    properties
        .insert("mask".to_owned(), json!({ "$ref": "#/$defs/mask", "description": "Where the operation works." }));
    let doc = op.doc().lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    json!({
        "description": doc,
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": properties,
    })
}

/// A mask, or the table of one of its gradients, of which the first `required` keys must be there.
fn mask_table(keys: &[MaskKey], required: usize) -> Json {
    let properties: Map<String, Json> =
        keys.iter().map(|key| (key.name.to_owned(), with_doc(mask_value(key.takes), key.doc))).collect();
    let required: Vec<&str> = keys.iter().take(required).map(|key| key.name).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn mask_value(takes: Takes) -> Json {
    match takes {
        Takes::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Takes::Pair(min, max, _) => json!({
            "type": "array",
            "items": { "type": "number", "minimum": min, "maximum": max },
            "minItems": 2,
            "maxItems": 2,
        }),
        Takes::Text => json!({ "type": "string" }),
        Takes::Words(words) => json!({ "enum": words }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Table(keys, required) => mask_table(keys, required),
        Takes::Mask => json!({ "$ref": "#/$defs/mask" }),
        Takes::Masks => json!({ "type": "array", "items": { "$ref": "#/$defs/mask" }, "minItems": 1 }),
    }
}

fn parameter(info: &ParamInfo) -> Json {
    let mut unit_text = "";
    let mut schema = match info.kind {
        Kind::Number { min, max, unit } => {
            unit_text = unit;
            json!({ "type": "number", "minimum": min, "maximum": max })
        }
        Kind::Color { min, max } => json!({
            "type": "array",
            "items": { "type": "number", "minimum": min, "maximum": max },
            "minItems": 3,
            "maxItems": 3,
        }),
        Kind::Whole { min, max, unit } => {
            unit_text = unit;
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Channels { min, max } => json!({ "anyOf": [
            { "type": "number", "minimum": min, "maximum": max },
            {
                "type": "array",
                "items": { "type": "number", "minimum": min, "maximum": max },
                "minItems": 3,
                "maxItems": 3,
            },
        ] }),
        Kind::Numbers { min, max, most, unit } => {
            unit_text = unit;
            json!({ "anyOf": [
                { "type": "number", "minimum": min, "maximum": max },
                {
                    "type": "array",
                    "items": { "type": "number", "minimum": min, "maximum": max },
                    "minItems": 1,
                    "maxItems": most,
                },
            ] })
        }
        Kind::Points { min, max } => json!({
            "type": "array",
            "items": {
                "type": "array",
                "items": { "type": "number", "minimum": min, "maximum": max },
                "minItems": 2,
                "maxItems": 2,
            },
            "minItems": 2,
        }),
        Kind::File => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
    };
    if let (Some(map), Ok(default)) = (schema.as_object_mut(), serde_json::to_value(&info.default)) {
        map.insert("default".to_owned(), default);
    }
    let doc = super::show::sentence(info.doc);
    let doc = if unit_text.is_empty() { doc } else { format!("{doc} Unit: {unit_text}.") };
    with_doc(schema, &doc)
}

fn with_doc(mut schema: Json, doc: &str) -> Json {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), doc.into());
    }
    schema
}
