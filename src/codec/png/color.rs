//! Color chunks to [`ColorEncoding`] and back. Precedence: cICP, iCCP, sRGB, gAMA with cHRM (PNG specification, clause 12.1).

use super::chunks::Chunk;
use crate::color::encodings::{self, REC709_CURVE, SRGB_CURVE};
use crate::color::icc;
use crate::color::matrix::{DISPLAY_P3, REC709, REC2020};
use crate::picture::{ColorEncoding, Curve, FILE_TYPE_DEFAULT, Primaries, Referred};

/// What the color chunks say.
#[derive(Debug)]
pub struct Color {
    /// Meaning of the code values.
    pub encoding: ColorEncoding,
    /// Chunk it was read from.
    pub source: &'static str,
    /// ICC profile to carry.
    pub icc: Option<Vec<u8>>,
    /// Things worth telling.
    pub warnings: Vec<String>,
}

/// Why a picture's color cannot be used.
#[derive(Debug)]
pub enum Refusal {
    /// Damage.
    Damaged(String),
    /// Legal, not supported.
    Unsupported(String),
}

/// Reads the color chunks of a picture with color or a gray one; profiles are inflated to at most `max_bytes`.
pub fn read(chunks: &[Chunk], color: bool, max_bytes: u64) -> Result<Color, Refusal> {
    let get = |kind: &[u8; 4]| chunks.iter().find(|c| c.kind == *kind).map(|c| &c.data[..]);
    let mut warnings = Vec::new();
    let mut icc = match get(b"iCCP") {
        Some(data) => Some(profile(data, max_bytes).map_err(Refusal::Damaged)?),
        None => None,
    };
    let from_icc = icc.as_deref().map(|profile| icc::read(profile, color));
    if let Some(data) = get(b"cICP") {
        let encoding = cicp(data).map_err(Refusal::Unsupported)?;
        let agrees = matches!(&from_icc, Some(Ok(e)) if e.primaries == encoding.primaries && e.curve == encoding.curve);
        if icc.is_some() && !agrees {
            // Left in, the profile would rule over the output, which has other readers than we are.
            warnings.push("both cICP and an ICC profile: cICP counts, the profile is left out".into());
            icc = None;
        }
        return Ok(Color { encoding, source: "PNG cICP", icc, warnings });
    }
    match from_icc {
        Some(Ok(encoding)) => return Ok(Color { encoding, source: "ICC profile", icc, warnings }),
        Some(Err(icc::Problem::Unsupported(_))) => {
            return Ok(Color { encoding: encodings::srgb(), source: icc::BY_TABLE, icc, warnings });
        }
        Some(Err(reason)) => {
            warnings.push(format!("the ICC profile cannot be used ({reason}); sRGB is assumed"));
            return Ok(Color { encoding: encodings::srgb(), source: FILE_TYPE_DEFAULT, icc, warnings });
        }
        None => {}
    }
    if get(b"sRGB").is_some() {
        return Ok(Color { encoding: encodings::srgb(), source: "PNG sRGB", icc, warnings });
    }
    let (encoding, source) = match get(b"gAMA").and_then(word) {
        None | Some(0) => (encodings::srgb(), FILE_TYPE_DEFAULT),
        Some(gamma) => (from_gamma(gamma, get(b"cHRM"), &mut warnings), "PNG gAMA"),
    };
    Ok(Color { encoding, source, icc, warnings })
}

/// gAMA is 100 000 / gamma; 45 455 with sRGB's primaries is what writers put beside or instead of `sRGB` (clause 11.3.2.5).
fn from_gamma(gamma: u32, chrm: Option<&[u8]>, warnings: &mut Vec<String>) -> ColorEncoding {
    let primaries = chrm.and_then(chromaticities).unwrap_or_else(|| {
        if chrm.is_some() {
            warnings.push("the cHRM chunk is not possible; Rec.709 primaries are assumed".into());
        }
        REC709
    });
    let curve = match gamma {
        100_000 => Curve::Linear,
        45_455 if primaries == REC709 => return encodings::srgb(),
        _ => Curve::Power { gamma: 100_000.0 / gamma as f32 },
    };
    let name = if gamma == 100_000 { "linear".into() } else { format!("gamma {:.3}", 100_000.0 / f64::from(gamma)) };
    ColorEncoding { name: format!("{name} (PNG gAMA)"), primaries, curve, referred: Referred::Display }
}

/// White, red, green, blue as x, y in 1/100 000; `None` when no color space has them.
fn chromaticities(data: &[u8]) -> Option<Primaries> {
    let values: Vec<u32> = data.chunks_exact(4).filter_map(word).collect();
    let scaled = <[u32; 8]>::try_from(values).ok()?;
    if scaled == REC709_CHRM {
        return Some(REC709);
    }
    let [wx, wy, rx, ry, gx, gy, bx, by] = scaled.map(|v| f64::from(v) / 100_000.0);
    let area = (gx - rx) * (by - ry) - (bx - rx) * (gy - ry);
    let possible = wy > 0.0 && area.abs() > 1e-6;
    possible.then_some(Primaries { red: [rx, ry], green: [gx, gy], blue: [bx, by], white: [wx, wy] })
}

/// The chromaticities of sRGB (clause 11.3.2.5).
const REC709_CHRM: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];

/// cICP: primaries, transfer, matrix, range as in ITU-T H.273.
fn cicp(data: &[u8]) -> Result<ColorEncoding, String> {
    let &[primaries, transfer, matrix, range] = data else {
        return Err(format!("a cICP chunk of {} bytes, 4 are expected", data.len()));
    };
    if matrix != 0 || range != 1 {
        return Err(format!(
            "cICP with matrix {matrix} and range flag {range}: only full-range RGB (0, 1) is supported"
        ));
    }
    let (primaries, color) = match primaries {
        1 => (REC709, "Rec.709"),
        9 => (REC2020, "Rec.2020"),
        12 => (DISPLAY_P3, "P3-D65"),
        other => return Err(format!("cICP primaries {other} are not supported (1, 9 and 12 are)")),
    };
    let (curve, name) = match transfer {
        13 => (SRGB_CURVE, "sRGB"),
        1 | 6 | 14 | 15 => (REC709_CURVE, "BT.709"),
        8 => (Curve::Linear, "linear"),
        4 => (Curve::Power { gamma: 2.2 }, "gamma 2.2"),
        5 => (Curve::Power { gamma: 2.8 }, "gamma 2.8"),
        16 | 18 => {
            let name = if transfer == 16 { "PQ" } else { "HLG" };
            return Err(format!(
                "{name} (cICP transfer {transfer}) pictures are not supported yet: convert to SDR or linear EXR first"
            ));
        }
        other => return Err(format!("cICP transfer {other} is not supported")),
    };
    if (primaries, &curve) == (REC709, &SRGB_CURVE) {
        return Ok(encodings::srgb());
    }
    if (primaries, &curve) == (DISPLAY_P3, &SRGB_CURVE) {
        return Ok(encodings::display_p3());
    }
    Ok(ColorEncoding { name: format!("{color}, {name} curve"), primaries, curve, referred: Referred::Display })
}

/// The profile of an iCCP chunk: name, 0, method 0, zlib.
fn profile(data: &[u8], max_bytes: u64) -> Result<Vec<u8>, String> {
    let end = data.iter().position(|&b| b == 0).ok_or("the iCCP chunk has no profile")?;
    match data.get(end + 1..) {
        Some([0, packed @ ..]) => {
            super::deflate::inflate(packed, max_bytes).map_err(|e| format!("the ICC profile {e}"))
        }
        _ => Err("the iCCP chunk uses an unknown compression".into()),
    }
}

/// Chunks that say what `encoding` is, for a file without ICC profile. Nothing for what PNG cannot say.
pub fn chunks(encoding: &ColorEncoding) -> Vec<([u8; 4], Vec<u8>)> {
    let primaries = match encoding.primaries {
        p if p == REC709 => Some(1),
        p if p == REC2020 => Some(9),
        p if p == DISPLAY_P3 => Some(12),
        _ => None,
    };
    let transfer = match &encoding.curve {
        c if *c == SRGB_CURVE => Some(13),
        c if *c == REC709_CURVE => Some(1),
        Curve::Linear => Some(8),
        Curve::Power { gamma } if *gamma == 2.2 => Some(4),
        Curve::Power { gamma } if *gamma == 2.8 => Some(5),
        _ => None,
    };
    match (primaries, transfer, &encoding.curve) {
        // 0 = perceptual, what cameras and editors write.
        (Some(1), Some(13), _) => vec![(*b"sRGB", vec![0])],
        (Some(primaries), Some(transfer), _) => vec![(*b"cICP", vec![primaries, transfer, 0, 1])],
        (_, _, Curve::Power { gamma }) if *gamma > 0.0 => gamma_chunks((100_000.0 / gamma).round() as u32, encoding),
        (_, _, Curve::Linear) => gamma_chunks(100_000, encoding),
        _ => Vec::new(),
    }
}

fn gamma_chunks(gamma: u32, encoding: &ColorEncoding) -> Vec<([u8; 4], Vec<u8>)> {
    let p = &encoding.primaries;
    let xy = [p.white, p.red, p.green, p.blue].concat();
    let chrm = xy.iter().flat_map(|v| ((v * 100_000.0).round().max(0.0) as u32).to_be_bytes()).collect();
    vec![(*b"gAMA", gamma.to_be_bytes().to_vec()), (*b"cHRM", chrm)]
}

fn word(data: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(data.try_into().ok()?))
}
