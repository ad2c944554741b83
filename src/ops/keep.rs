//! `keep` (plumbing): remembers the code values of the pixel, so that [`super::restore`] can put them back.

use super::Px;
use super::bare::{bare_op, copy};

bare_op! {
    /// Remembers the pixel as it came, inserted by plans whose operations are all masked.
    "keep",
    beside: true,
    |px| Px { original: px.rgb, ..px },
    chunk: |chunk| copy(chunk.len, &chunk.rgb, &mut chunk.original)
}
