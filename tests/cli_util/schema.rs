//! The part of JSON Schema that our schemas use, checked. A keyword it does not know is a failure, so no schema promises what no test sees.

use serde_json::Value;

/// A schema that is published in `docs/schema/`.
pub fn load(name: &str) -> Value {
    let path = format!("{}/docs/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Fails with the place and the reason when `value` is not what `schema` describes.
#[track_caller]
pub fn check(schema: &Value, value: &Value) {
    if let Err(reason) = fits(schema, schema, value, "$") {
        panic!("{reason}\n{value:#}");
    }
}

/// True when it is.
pub fn is_valid(schema: &Value, value: &Value) -> bool {
    fits(schema, schema, value, "$").is_ok()
}

fn fits(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let refuse = |why: String| Err(format!("{at}: {why}"));
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fine = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" | "required" | "additionalProperties" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                fits(root, root.pointer(pointer).expect("a $ref leads somewhere"), value, at)?;
                true
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => types(wanted).iter().any(|name| is_a(value, name)),
            "minimum" => value.as_f64().is_none_or(|v| v >= wanted.as_f64().unwrap()),
            "oneOf" => {
                let tried: Vec<_> = wanted.as_array().unwrap().iter().map(|s| fits(root, s, value, at)).collect();
                if tried.iter().filter(|t| t.is_ok()).count() != 1 {
                    let reasons: Vec<_> = tried.into_iter().filter_map(Result::err).collect();
                    return refuse(format!("none or several of oneOf fit: {reasons:?}"));
                }
                true
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    fits(root, wanted, item, &format!("{at}[{i}]"))?;
                }
                true
            }
            "properties" => {
                object(root, schema, value, at)?;
                true
            }
            other => panic!("{at}: the keyword {other} is not checked by this test"),
        };
        if !fine {
            return refuse(format!("{value} does not fit {keyword} {wanted}"));
        }
    }
    if schema.get("properties").is_none() && schema.get("additionalProperties").is_some() {
        object(root, schema, value, at)?;
    }
    Ok(())
}

fn object(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(fields) = value.as_object() else { return Ok(()) };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    for (name, field) in fields {
        let at = format!("{at}.{name}");
        match (schema.pointer("/properties").and_then(|p| p.get(name)), schema.get("additionalProperties")) {
            (Some(known), _) => fits(root, known, field, &at)?,
            (None, Some(Value::Bool(false))) => return Err(format!("{at} is not described")),
            (None, Some(other)) if other.is_object() => fits(root, other, field, &at)?,
            _ => {}
        }
    }
    Ok(())
}

fn types(wanted: &Value) -> Vec<&str> {
    match wanted {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other} is not known"),
    }
}
