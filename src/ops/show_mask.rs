//! `show_mask` (plumbing): writes the weight of the pixel as gray, for pictures of masks.

use super::Px;
use super::bare::bare_op;

bare_op! {
    /// The mask as gray, used to look at masks.
    "show_mask",
    beside: false,
    |px| Px { rgb: [px.mask; 3], ..px }
}
