//! Which channels of which part are the picture, which one is its depth, and which are carried along.

use std::collections::HashSet;

use super::header::{Channel, Header, Part, Sample};
use crate::picture::{Channels, Elsewhere, SampleType};

/// Names of a depth channel, in order of preference. After them comes the depth pass of a layer, `LAYER.Depth.Z` as Blender
/// names it, in any case of letters.
const DEPTH_NAMES: [&str; 4] = ["Z", "depth.Z", "depth.z", "Depth"];

/// A channel by part and place in that part's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAt {
    /// Part.
    pub part: usize,
    /// Place in [`Part::channels`].
    pub channel: usize,
}

/// A channel that may hold depth: of a picture a float one that is not color and lies where the picture lies.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Name to ask for: the channel's, in a multi-part file also with the part's name in front (`PART.CHANNEL`).
    pub name: String,
    /// Place.
    pub at: ChannelAt,
}

/// What [`select`] found.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The part that holds the picture.
    pub part: usize,
    /// Layer prefix of the color channels with its dot, or empty.
    pub prefix: Vec<u8>,
    /// Color channels (places in the part's list), in the order of [`Channels`].
    pub color: Vec<usize>,
    /// Layout of these.
    pub channels: Channels,
    /// Half when all of them are half, else float.
    pub sample: SampleType,
    /// Depth channel.
    pub depth: Option<ChannelAt>,
    /// Every channel that can be asked for as depth, the default first.
    pub candidates: Vec<Candidate>,
    /// Channels that would be among them but for the data window of their part.
    pub elsewhere: Vec<Elsewhere>,
    /// All other channels of the part.
    pub others: Vec<usize>,
    /// Things worth telling.
    pub warnings: Vec<String>,
}

/// Chooses the picture of a file: of a multi-part file the first part that has R, G and B, else the first one with Y, wherever it stands; depth
/// is read as gray only where no part has color.
///
/// # Errors
/// A sentence with advice when there is none, or when the choice is not clear.
pub fn select(header: &Header) -> Result<Selection, String> {
    let tried: Vec<_> = header.parts.iter().enumerate().map(|(index, part)| select_in_part(part, index)).collect();
    // Of equals the first one.
    let best = tried.iter().filter_map(|found| found.as_ref().ok()).min_by_key(|found| rank(found));
    let unread =
        || tried.iter().zip(&header.parts).find_map(|(found, part)| found.as_ref().err().filter(|_| has_color(part)));
    let error = match best {
        Some(found) if rank(found) < DEPTH_RANK || unread().is_none() => {
            let mut selection = found.clone();
            finish(header, &mut selection);
            return Ok(selection);
        }
        Some(_) => unread(),
        None => tried.iter().find_map(|found| found.as_ref().err()),
    };
    let error = error.cloned().unwrap_or_default();
    Err(if header.parts.len() > 1 {
        format!("no part has a picture Chiaro grades; the first one: {error}")
    } else {
        error
    })
}

/// Rank of a part that has depth only.
const DEPTH_RANK: u8 = 2;

/// What is preferred as the picture of a file, the best first.
fn rank(selection: &Selection) -> u8 {
    match selection.depth {
        Some(depth) if selection.color.contains(&depth.channel) => DEPTH_RANK,
        _ => u8::from(!selection.channels.is_color()),
    }
}

fn has_color(part: &Part) -> bool {
    layer(part, b"").is_some() || !layers(part).is_empty()
}

/// Chooses the one channel of a file that is read for its depth: the one of this name, of any part, color or not; without a name the depth channel, or
/// the only channel there is. `None` when the file is to be read as a picture.
///
/// # Errors
/// A sentence with advice when there is no such channel, and no picture either.
pub fn select_map(header: &Header, wanted: Option<&str>) -> Result<Option<Selection>, String> {
    let picture = select(header);
    let depth = picture.as_ref().ok().and_then(|found| found.depth);
    let readable = |part: &Part| !part.deep && unsubsampled(part).is_ok();
    let places =
        (0..header.parts.len()).filter(|index| header.parts.get(*index).is_some_and(readable)).flat_map(|part| {
            let channels = header.parts.get(part).map_or(0, |found| found.channels.len());
            (0..channels).map(move |channel| ChannelAt { part, channel })
        });
    let preferred = picture.as_ref().map(|found| found.candidates.clone()).unwrap_or_default();
    let places: Vec<ChannelAt> = preferred.iter().map(|candidate| candidate.at).chain(places).collect();
    let mut candidates = named(header, &places);
    let at = match wanted {
        Some(wanted) => match candidates.iter().find(|candidate| candidate.name == wanted) {
            Some(found) => found.at,
            None => return Err(no_channel(wanted, &candidates)),
        },
        None => {
            let default = || {
                (0..header.parts.len()).find_map(|index| {
                    let part = header.parts.get(index).filter(|part| readable(part))?;
                    Some(ChannelAt { part: index, channel: depth_in(part)? })
                })
            };
            match (depth.or_else(default), &places[..], picture) {
                (Some(at), ..) => at,
                (None, [only], Err(_)) => *only,
                (None, _, Ok(_)) => return Ok(None),
                (None, _, Err(error)) => {
                    return Err(format!("{error}; as a depth map it takes the channel's name, FILE.exr:CHANNEL"));
                }
            }
        }
    };
    // What is read comes first, as the default does.
    candidates.sort_by_key(|candidate| candidate.at != at);
    let sample = header.parts.get(at.part).and_then(|part| part.channels.get(at.channel)).map(|channel| channel.sample);
    Ok(Some(Selection {
        part: at.part,
        prefix: Vec::new(),
        color: vec![at.channel],
        channels: Channels::Gray,
        sample: if sample == Some(Sample::F16) { SampleType::F16 } else { SampleType::F32 },
        depth: Some(at),
        candidates,
        elsewhere: Vec::new(),
        others: Vec::new(),
        warnings: Vec::new(),
    }))
}

fn no_channel(wanted: &str, candidates: &[Candidate]) -> String {
    let list: Vec<String> = candidates.iter().take(16).map(|candidate| format!("{:?}", candidate.name)).collect();
    let list = if list.is_empty() { "none that can be depth".to_owned() } else { list.join(", ") };
    format!("it has no channel {wanted:?}; it has {list}")
}

/// Depth in other parts, and the warnings that need the whole file.
fn finish(header: &Header, selection: &mut Selection) {
    let chosen = &header.parts[selection.part];
    let readable = |part: &Part| !part.deep && unsubsampled(part).is_ok();
    let fits = |part: &Part| readable(part) && part.data_window == chosen.data_window;
    if selection.depth.is_none() {
        selection.depth = header.parts.iter().enumerate().find_map(|(index, part)| {
            let channel = if fits(part) { depth_in(part)? } else { return None };
            Some(ChannelAt { part: index, channel })
        });
    }
    selection.candidates = candidates(header, selection, fits);
    selection.elsewhere = elsewhere(header, |part| readable(part) && part.data_window != chosen.data_window);
    let dropped: Vec<String> = header
        .parts
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != selection.part)
        .map(|(index, part)| part.name().unwrap_or_else(|| format!("part {index}")))
        .collect();
    if !dropped.is_empty() {
        let name = chosen.name().unwrap_or_else(|| format!("part {}", selection.part));
        let list = dropped.join(", ");
        selection.warnings.push(format!("multi-part file: only {name:?} is graded and written; not carried: {list}"));
    }
    if chosen.tiles.is_some_and(|t| t.levels) {
        selection.warnings.push("reduced-resolution levels are not carried to an output".into());
    }
    if chosen.attribute("multiView", "stringvector").is_some() {
        let text = "several views: only the default view is graded (the others are carried into EXR of the same size)";
        selection.warnings.push(text.into());
    }
}

/// Channels that can be asked for as depth, under names that are unique: the default first, then the picture's part, then the others.
fn candidates(header: &Header, selection: &Selection, fits: impl Fn(&Part) -> bool) -> Vec<Candidate> {
    let own = selection.part;
    let order = [own].into_iter().chain((0..header.parts.len()).filter(|index| *index != own));
    let mut places: Vec<ChannelAt> = selection.depth.into_iter().collect();
    for part in order {
        let Some(found) = header.parts.get(part).filter(|found| fits(found)) else { continue };
        let free = |c: &usize| part != own || !selection.color.contains(c);
        let float = |c: &usize| found.channels.get(*c).is_some_and(|channel| channel.sample != Sample::U32);
        let channels = (0..found.channels.len()).filter(free).filter(float);
        places.extend(channels.map(|channel| ChannelAt { part, channel }));
    }
    named(header, &places)
}

/// Names of places that are unique: of places that share one, the first has it.
fn named(header: &Header, places: &[ChannelAt]) -> Vec<Candidate> {
    let (mut all, mut taken) = (Vec::new(), HashSet::new());
    for &at in places {
        let Some(part) = header.parts.get(at.part) else { continue };
        let Some(label) = part.channels.get(at.channel).map(Channel::label) else { continue };
        let long = part.name().filter(|_| header.parts.len() > 1).map(|part| format!("{part}.{label}"));
        for name in [Some(label), long].into_iter().flatten() {
            if taken.insert(name.clone()) {
                all.push(Candidate { name, at });
            }
        }
    }
    all
}

/// Float channels of parts that would do but for their window, default depth first.
fn elsewhere(header: &Header, misplaced: impl Fn(&Part) -> bool) -> Vec<Elsewhere> {
    let mut places = Vec::new();
    for (index, part) in header.parts.iter().enumerate().filter(|(_, part)| misplaced(part)) {
        let float = |channel: &usize| part.channels.get(*channel).is_some_and(|found| found.sample != Sample::U32);
        places.extend((0..part.channels.len()).filter(float).map(|channel| ChannelAt { part: index, channel }));
    }
    let depths: Vec<Option<usize>> = header.parts.iter().map(depth_in).collect();
    let is_depth = |at: &ChannelAt| depths.get(at.part) == Some(&Some(at.channel));
    places.sort_by_key(|at| !is_depth(at));
    let window = |at: ChannelAt| header.parts.get(at.part).map(|part| part.data_window);
    let named = named(header, &places).into_iter();
    named
        .filter_map(|Candidate { name, at }| Some(Elsewhere { name, is_depth: is_depth(&at), data: window(at)? }))
        .collect()
}

fn select_in_part(part: &Part, index: usize) -> Result<Selection, String> {
    if part.deep {
        return Err("deep data (several samples per pixel) is not supported: flatten it first".into());
    }
    unsubsampled(part)?;
    let depth = depth_in(part);
    let (prefix, color, channels) = color_in(part, depth)?;
    let samples = || color.iter().filter_map(|&c| part.channels.get(c)).map(|c| c.sample);
    if samples().any(|s| s == Sample::U32) {
        return Err("color in 32-bit integers is not supported: convert it to half or float".into());
    }
    let sample = if samples().all(|s| s == Sample::F16) { SampleType::F16 } else { SampleType::F32 };
    let others = (0..part.channels.len()).filter(|c| !color.contains(c)).collect();
    let mut warnings = Vec::new();
    let other_layers: Vec<String> = layers(part).into_iter().filter(|p| *p != prefix).map(|p| label(&p)).collect();
    if !other_layers.is_empty() {
        let list = other_layers.join(", ");
        warnings.push(format!("other layers: {list} (carried ungraded, into EXR of the same size)"));
    }
    if depth.is_some_and(|d| color.contains(&d)) {
        warnings.push("the file has no color; its depth channel is read as gray".into());
    }
    let depth = depth.map(|channel| ChannelAt { part: index, channel });
    Ok(Selection {
        part: index,
        prefix,
        color,
        channels,
        sample,
        depth,
        candidates: Vec::new(),
        elsewhere: Vec::new(),
        others,
        warnings,
    })
}

/// Prefix, channels and layout of the color.
fn color_in(part: &Part, depth: Option<usize>) -> Result<(Vec<u8>, Vec<usize>, Channels), String> {
    if let Some((color, channels)) = layer(part, b"") {
        return Ok((Vec::new(), color, channels));
    }
    let prefixes = layers(part);
    match &prefixes[..] {
        [one] => {
            if let Some((color, channels)) = layer(part, one) {
                return Ok((one.clone(), color, channels));
            }
        }
        [] => {
            if let Some(depth) = depth {
                return Ok((Vec::new(), vec![depth], Channels::Gray));
            }
        }
        several => {
            let list: Vec<String> = several.iter().map(|p| label(p)).collect();
            return Err(format!(
                "several layers hold color and none is the default: {}; write the one to grade to a file of its own",
                list.join(", ")
            ));
        }
    }
    let names: Vec<String> = part.channels.iter().take(16).map(Channel::label).collect();
    Err(format!("no R, G, B or Y channels; it has: {}", names.join(", ")))
}

/// Color of the layer with this prefix (with its dot).
fn layer(part: &Part, prefix: &[u8]) -> Option<(Vec<usize>, Channels)> {
    let find =
        |leaf: &[u8]| part.channels.iter().position(|c| c.name.strip_prefix(prefix).is_some_and(|rest| rest == leaf));
    let alpha = find(b"A");
    let rgb: Option<Vec<usize>> = [b"R", b"G", b"B"].iter().map(|leaf| find(*leaf)).collect();
    let (mut color, channels) = match (rgb, alpha) {
        (Some(rgb), None) => (rgb, Channels::Rgb),
        (Some(rgb), Some(_)) => (rgb, Channels::Rgba),
        (None, None) => (vec![find(b"Y")?], Channels::Gray),
        (None, Some(_)) => (vec![find(b"Y")?], Channels::GrayAlpha),
    };
    color.extend(alpha);
    Some((color, channels))
}

/// Prefixes (with dot) of layers that have color, in order of first appearance.
fn layers(part: &Part) -> Vec<Vec<u8>> {
    let mut prefixes: Vec<Vec<u8>> = Vec::new();
    for channel in &part.channels {
        let Some(dot) = channel.name.iter().rposition(|&b| b == b'.') else { continue };
        let prefix = channel.name.get(..=dot).unwrap_or_default();
        if !prefixes.iter().any(|p| p == prefix) && layer(part, prefix).is_some() {
            prefixes.push(prefix.to_vec());
        }
    }
    prefixes
}

fn label(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix.strip_suffix(b".").unwrap_or(prefix)).into_owned()
}

fn depth_in(part: &Part) -> Option<usize> {
    let exact = |name: &&str| part.channels.iter().position(|c| c.name == name.as_bytes());
    let is_pass = |c: &Channel| c.label().to_ascii_lowercase().ends_with(".depth.z");
    DEPTH_NAMES.iter().find_map(exact).or_else(|| part.channels.iter().position(is_pass))
}

/// Luminance-chroma pictures and subsampled channels are refused: their chunks cannot be decoded without resampling.
fn unsubsampled(part: &Part) -> Result<(), String> {
    if part.channels.iter().any(|c| matches!(&c.name[..], b"RY" | b"BY")) {
        return Err("luminance-chroma (Y, RY, BY) pictures are not supported: convert to RGB first".into());
    }
    match part.channels.iter().find(|c| c.sampling != [1, 1]) {
        Some(c) => {
            Err(format!("channel {:?} is subsampled, which is not supported: write it at full resolution", c.label()))
        }
        None => Ok(()),
    }
}
