//! `restore` (plumbing): puts back the code values of a pixel that no masked operation touched: select, not arithmetic.

use super::Px;
use super::bare::bare_op;

bare_op! {
    /// Returns untouched pixels as they came, inserted by plans whose operations are all masked.
    "restore",
    beside: false,
    |px| if px.touched > 0.0 { px } else { Px { rgb: px.original, ..px } }
}
