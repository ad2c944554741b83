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
    /// Several points, x and y.
    Points(Vec<[f64; 2]>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Number(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "{v:?}"),
            Self::List(v) => write!(f, "{v:?}"),
            Self::Points(v) => write!(f, "{v:?}"),
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
    /// A whole number within `min..=max`, in `unit`.
    Whole {
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
        /// Unit for people: "px", "".
        unit: &'static str,
    },
    /// `true` or `false`.
    Flag,
    /// A number for red, green and blue alike, or three, each within `min..=max`.
    Channels {
        /// Smallest allowed value of a channel.
        min: f64,
        /// Largest allowed value of a channel.
        max: f64,
    },
    /// One number for all, or a list of at most `most`, each within `min..=max`, in `unit`.
    Numbers {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
        /// Most numbers of a list.
        most: usize,
        /// Unit for people: "stops", "".
        unit: &'static str,
    },
    /// Points of a curve, `[[x, y], ...]`: at least two, x rising, both within `min..=max`.
    Points {
        /// Smallest allowed coordinate.
        min: f64,
        /// Largest allowed coordinate.
        max: f64,
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
            (Kind::Whole { min, max, unit }, Value::Number(v)) => {
                let fits = v.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(v);
                if fits {
                    Ok(())
                } else {
                    Err(format!("{name} is {v}, allowed whole numbers, {}", range(min, max, unit)))
                }
            }
            (Kind::Flag, Value::Bool(_)) => Ok(()),
            (Kind::Channels { min, max }, Value::Number(v)) if !(min..=max).contains(v) => {
                Err(format!("{name} is {v}, allowed {}", range(min, max, "")))
            }
            (Kind::Channels { .. }, Value::Number(_)) => Ok(()),
            (Kind::Numbers { min, max, unit, .. }, Value::Number(v)) if !(min..=max).contains(v) => {
                Err(format!("{name} is {v}, allowed {}", range(min, max, unit)))
            }
            (Kind::Numbers { .. }, Value::Number(_)) => Ok(()),
            (Kind::Numbers { min, max, most, unit }, Value::List(v)) => {
                if v.is_empty() || v.len() > most {
                    Err(format!("{name} has {} numbers, allowed 1 to {most}", v.len()))
                } else if let Some(bad) = v.iter().find(|v| !(min..=max).contains(*v)) {
                    Err(format!("{name} holds {bad}, allowed {}", range(min, max, unit)))
                } else {
                    Ok(())
                }
            }
            (Kind::Points { min, max }, Value::Points(points)) => check_points(name, points, min, max),
            (Kind::Color { min, max } | Kind::Channels { min, max }, Value::List(v)) => {
                if v.len() != 3 {
                    Err(format!("{name} has {} numbers, expected 3: [red, green, blue]", v.len()))
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

fn check_points(name: &str, points: &[[f64; 2]], min: f64, max: f64) -> Result<(), String> {
    if points.len() < 2 || points.len() > MAX_POINTS {
        return Err(format!("{name} has {} points, allowed 2 to {MAX_POINTS}", points.len()));
    }
    if let Some(bad) = points.iter().flatten().find(|v| !(min..=max).contains(*v)) {
        return Err(format!("{name} has a point at {bad}, allowed {}", range(min, max, "")));
    }
    match points.windows(2).find(|pair| pair[1][0] <= pair[0][0]) {
        Some(pair) => Err(format!("{name} goes from x = {} to x = {}: x must rise", pair[0][0], pair[1][0])),
        None => Ok(()),
    }
}

/// Points of one curve, at most.
const MAX_POINTS: usize = 64;

fn range(min: impl std::fmt::Display, max: impl std::fmt::Display, unit: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{min} to {max}{unit}")
}

impl Kind {
    /// Allowed values in words.
    pub fn expected(self) -> String {
        match self {
            Self::Number { min, max, unit } => format!("a number, {}", range(min, max, unit)),
            Self::Color { min, max } => format!("a color [red, green, blue], each {}", range(min, max, "")),
            Self::Whole { min, max, unit } => format!("a whole number, {}", range(min, max, unit)),
            Self::Flag => "true or false".to_owned(),
            Self::Channels { min, max } => format!("a number, or [red, green, blue], each {}", range(min, max, "")),
            Self::Numbers { min, max, most, unit } => {
                format!("a number, or a list of at most {most}, each {}", range(min, max, unit))
            }
            Self::Points { min, max } => format!("points [[x, y], ...], each coordinate {}", range(min, max, "")),
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
        match value {
            Value::List(v) => Some([*v.first()? as f32, *v.get(1)? as f32, *v.get(2)? as f32]),
            Value::Number(v) => Some([*v as f32; 3]),
            _ => None,
        }
    }
    fn show(&self) -> Value {
        Value::List(self.iter().map(|v| v.to_string().parse().unwrap_or_default()).collect())
    }
}

impl ParamValue for bool {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Bool(v) = value { Some(*v) } else { None }
    }
    fn show(&self) -> Value {
        Value::Bool(*self)
    }
}

impl ParamValue for u32 {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Number(v) = value { Some(*v as u32) } else { None }
    }
    fn show(&self) -> Value {
        Value::Number(f64::from(*self))
    }
}

impl ParamValue for Vec<f32> {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::List(v) => Some(v.iter().map(|n| *n as f32).collect()),
            Value::Number(v) => Some(vec![*v as f32]),
            _ => None,
        }
    }
    fn show(&self) -> Value {
        match self.as_slice() {
            [one] => one.show(),
            all => Value::List(all.iter().map(|v| v.to_string().parse().unwrap_or_default()).collect()),
        }
    }
}

impl ParamValue for Vec<[f32; 2]> {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Points(v) = value { Some(v.iter().map(|p| p.map(|c| c as f32)).collect()) } else { None }
    }
    fn show(&self) -> Value {
        Value::Points(self.iter().map(|p| p.map(|c| c.to_string().parse().unwrap_or_default())).collect())
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
