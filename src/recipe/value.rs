//! Values: from TOML, and from the words of a `--set`.

use toml_edit::Item;

use crate::ops::{Kind, Value};

/// A TOML value as a parameter value: integers and floats become numbers.
///
/// # Errors
/// The rest of a sentence that begins with the key.
pub(super) fn read(item: &Item) -> Result<Value, String> {
    let Some(value) = item.as_value() else { return Err("is a table, expected a value".to_owned()) };
    if let Some(number) = number(value) {
        return Ok(Value::Number(number));
    }
    match value {
        toml_edit::Value::String(text) => Ok(Value::Text(text.value().clone())),
        toml_edit::Value::Boolean(flag) => Ok(Value::Bool(*flag.value())),
        toml_edit::Value::Array(array) if array.iter().any(toml_edit::Value::is_array) => points(array),
        toml_edit::Value::Array(array) => array
            .iter()
            .map(|v| number(v).ok_or_else(|| format!("is a list that holds {}, expected numbers only", name(v))))
            .collect::<Result<_, _>>()
            .map(Value::List),
        other => Err(format!("is {}, which no key takes", name(other))),
    }
}

fn points(array: &toml_edit::Array) -> Result<Value, String> {
    let point = |value: &toml_edit::Value| {
        let pair = value.as_array().filter(|pair| pair.len() == 2)?;
        Some([number(pair.get(0)?)?, number(pair.get(1)?)?])
    };
    let points: Option<Vec<_>> = array.iter().map(point).collect();
    points.map(Value::Points).ok_or_else(|| "is a list of lists, expected points [[x, y], ...]".to_owned())
}

fn number(value: &toml_edit::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|i| i as f64))
}

fn name(value: &toml_edit::Value) -> &'static str {
    match value {
        toml_edit::Value::String(_) => "text",
        toml_edit::Value::Integer(_) | toml_edit::Value::Float(_) => "a number",
        toml_edit::Value::Boolean(_) => "true or false",
        toml_edit::Value::Datetime(_) => "a date",
        toml_edit::Value::Array(_) => "a list",
        toml_edit::Value::InlineTable(_) => "a table",
    }
}

/// A value typed after `=` on a command line, for a parameter of this kind. What does not fit comes back as text, which the
/// check of the parameter then refuses with the allowed values.
pub(super) fn typed(kind: Kind, text: &str) -> Value {
    let as_text = || Value::Text(unquote(text).to_owned());
    match kind {
        Kind::Number { .. } | Kind::Whole { .. } => number_or_text(text),
        Kind::Flag => text.trim().parse().map_or_else(|_| as_text(), Value::Bool),
        Kind::Points { .. } => typed_points(text).unwrap_or_else(as_text),
        Kind::Channels { .. } | Kind::Numbers { .. } if !text.contains([',', '[']) => number_or_text(text),
        Kind::Color { .. } | Kind::Channels { .. } | Kind::Numbers { .. } => {
            let inner = text.trim().strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
            inner.split(',').map(|v| v.trim().parse().ok()).collect::<Option<_>>().map_or_else(as_text, Value::List)
        }
        Kind::File | Kind::Choice(_) => as_text(),
    }
}

/// Points as TOML writes them.
fn typed_points(text: &str) -> Option<Value> {
    let document: toml_edit::DocumentMut = format!("points = {text}").parse().ok()?;
    read(document.get("points")?).ok()
}

/// A number where the text is one, else the text without quotes.
pub(super) fn number_or_text(text: &str) -> Value {
    let text = text.trim();
    text.parse().map_or_else(|_| Value::Text(unquote(text).to_owned()), Value::Number)
}

/// Without a pair of quotes around it, which some shells leave.
fn unquote(text: &str) -> &str {
    let inner = |q: char| text.strip_prefix(q).and_then(|t| t.strip_suffix(q));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_become_values() {
        let number = Kind::Number { min: 0.0, max: 1.0, unit: "" };
        let color = Kind::Color { min: 0.0, max: 1.0 };
        assert_eq!(typed(number, " .5"), Value::Number(0.5));
        assert_eq!(typed(number, "half"), Value::Text("half".into()));
        assert_eq!(typed(color, "[1, 0.5,0]"), Value::List(vec![1.0, 0.5, 0.0]));
        assert_eq!(typed(color, "1,0.5,0"), Value::List(vec![1.0, 0.5, 0.0]));
        assert_eq!(typed(color, "red"), Value::Text("red".into()));
        assert_eq!(typed(Kind::File, "\"a b.cube\""), Value::Text("a b.cube".into()));
        assert_eq!(typed(Kind::File, "7.cube"), Value::Text("7.cube".into()));
    }

    #[test]
    fn toml_values_that_no_key_takes_are_named() {
        let item = |text: &str| text.parse::<toml_edit::DocumentMut>().map(|d| d["a"].clone()).unwrap();
        assert_eq!(read(&item("a = 3")), Ok(Value::Number(3.0)));
        assert_eq!(read(&item("a = [1, 0.5]")), Ok(Value::List(vec![1.0, 0.5])));
        assert!(read(&item("a = [1, \"x\"]")).unwrap_err().contains("holds text"));
        assert!(read(&item("a = 2026-01-01")).unwrap_err().contains("a date"));
        assert!(read(&item("[a]")).unwrap_err().contains("a table"));
    }
}
