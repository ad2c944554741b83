//! `keep_source` (plumbing): remembers the color of the pixel before any operation, for masks that read the source.

use super::Px;
use super::bare::{bare_op, copy};

bare_op! {
    /// Remembers the linear color of the source, inserted by plans with masks that read it.
    "keep_source",
    beside: true,
    |px| Px { source: px.rgb, ..px },
    chunk: |chunk| copy(chunk.len, &chunk.rgb, &mut chunk.source)
}
