//! Parameters, declared once: the doc comment, default, range and unit on the field are what help, schema, validation and
//! completion read.

use std::collections::BTreeMap;

/// A parameter value as a recipe holds it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A word, name or path.
    Text(String),
    /// Several numbers.
    List(Vec<f64>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Number(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "{v:?}"),
            Self::List(v) => write!(f, "{v:?}"),
        }
    }
}

/// What a parameter accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A number within `min..=max`, in `unit` ("" = a plain factor).
    Number {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
        /// Unit for people: "stops", "m", "".
        unit: &'static str,
    },
    /// Red, green, blue as sRGB code values, each within `min..=max` (1 = white).
    Color {
        /// Smallest allowed value of a channel.
        min: f64,
        /// Largest allowed value of a channel.
        max: f64,
    },
    /// Path of a file, relative to the recipe; "" = none.
    File,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// One parameter of an operation.
#[derive(Debug, Clone)]
pub struct ParamInfo {
    /// Name in recipes.
    pub name: &'static str,
    /// The doc comment of the field.
    pub doc: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// Value when a recipe says nothing.
    pub default: Value,
}

impl ParamInfo {
    /// Checks a value.
    ///
    /// # Errors
    /// A sentence with the value and the allowed range.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let name = self.name;
        match (self.kind, value) {
            (Kind::Number { min, max, unit }, Value::Number(v)) if !(min..=max).contains(v) => {
                Err(format!("{name} is {v}, allowed {}", range(min, max, unit)))
            }
            (Kind::Number { .. }, Value::Number(_)) => Ok(()),
            (Kind::Color { min, max }, Value::List(v)) => {
                if v.len() != 3 {
                    Err(format!("{name} has {} numbers, a color has 3: [red, green, blue]", v.len()))
                } else if let Some(bad) = v.iter().find(|c| !(min..=max).contains(*c)) {
                    Err(format!("{name} has a channel of {bad}, allowed {}", range(min, max, "")))
                } else {
                    Ok(())
                }
            }
            (Kind::File, Value::Text(_)) => Ok(()),
            (Kind::Choice(words), Value::Text(v)) if words.contains(&v.as_str()) => Ok(()),
            (Kind::Choice(words), _) => Err(format!("{name} is {value}, allowed: {}", words.join(", "))),
            (kind, _) => Err(format!("{name} is {value}, expected {}", kind.expected())),
        }
    }
}

fn range(min: f64, max: f64, unit: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{min} to {max}{unit}")
}

impl Kind {
    /// Allowed values in words.
    pub fn expected(self) -> String {
        match self {
            Self::Number { min, max, unit } => format!("a number, {}", range(min, max, unit)),
            Self::Color { min, max } => format!("a color [red, green, blue], each {}", range(min, max, "")),
            Self::File => "a path in quotes".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// Checked values of an operation's parameters; those a recipe does not name hold the default.
pub type ParamSet = BTreeMap<&'static str, Value>;

/// Implemented by the structs that the `params!` macro declares.
pub trait Params: Sized + Send + Sync + 'static {
    /// The doc comment of the struct: first line = summary, rest = description.
    const DOC: &'static str;
    /// The parameters in order of declaration.
    fn info() -> Vec<ParamInfo>;
    /// Typed values from checked ones; anything missing or of the wrong type takes the default.
    fn from_set(set: &ParamSet) -> Self;
}

/// Types a parameter can have.
pub trait ParamValue: Sized {
    /// From a checked value.
    fn read(value: &Value) -> Option<Self>;
    /// To a value.
    fn show(&self) -> Value;
}

impl ParamValue for f32 {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Number(v) = value { Some(*v as f32) } else { None }
    }
    fn show(&self) -> Value {
        // Through the shortest decimal form, so that a default of 0.6 is shown as 0.6 and not as 0.6000000238418579.
        Value::Number(self.to_string().parse().unwrap_or_default())
    }
}

impl ParamValue for [f32; 3] {
    fn read(value: &Value) -> Option<Self> {
        if let Value::List(v) = value { Some([*v.first()? as f32, *v.get(1)? as f32, *v.get(2)? as f32]) } else { None }
    }
    fn show(&self) -> Value {
        Value::List(self.iter().map(|v| v.to_string().parse().unwrap_or_default()).collect())
    }
}

impl ParamValue for String {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Text(v) = value { Some(v.clone()) } else { None }
    }
    fn show(&self) -> Value {
        Value::Text(self.clone())
    }
}

/// Declares the parameter struct of an operation:
/// `params! { /// docs. pub struct Params { /// docs. name: type = default, Kind::...; } }`
macro_rules! params {
    ($(#[doc = $doc:literal])+ pub struct $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident: $ty:ty = $default:expr, $kind:expr;)* }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $field: $ty,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: <$ty>::from($default),)* }
            }
        }

        impl $crate::ops::Params for $name {
            const DOC: &'static str = concat!($($doc, "\n"),+);

            fn info() -> Vec<$crate::ops::ParamInfo> {
                #[allow(unused_imports, reason = "an operation without parameters uses neither")]
                use $crate::ops::{Kind, ParamValue as _};
                vec![$($crate::ops::ParamInfo {
                    name: stringify!($field),
                    doc: concat!($($fdoc, "\n"),+),
                    kind: $kind,
                    default: <$ty>::from($default).show(),
                },)*]
            }

            fn from_set(_set: &$crate::ops::ParamSet) -> Self {
                #[allow(unused_imports, reason = "an operation without parameters does not use it")]
                use $crate::ops::ParamValue as _;
                #[allow(unused_variables, reason = "an operation without parameters does not use it")]
                let default = Self::default();
                Self { $($field: _set.get(stringify!($field)).and_then(<$ty>::read).unwrap_or(default.$field),)* }
            }
        }
    };
}
pub(crate) use params;
