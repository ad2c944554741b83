//! `defocus`: the blur of a lens, by depth.
//!
//! Small blur is gathered from the picture at full size (`gather`); large blur comes from fields of the whole picture at low resolution
//! (`layers`), made by the same gather. Between the two radii of `transition` one turns into the other. So the margin is small however
//! large the blur is, and the cost of a pixel is bounded.

pub mod aperture;
mod gather;
mod layers;
pub mod lens;

use super::area::{ALPHA_PLANE, AUX_PLANE, Area, Planes, Reach};
use super::field::{Field, FieldConstants, NO_PLANE, Proxy};
use super::guide::LUMA_REC2020;
use super::{CHUNK, Chunk, Context, Domain, Frame, Op, Tables, params};
use gather::{Center, Line, MAX_REACH, Rows, Sums, TINY, WIDE, clamped, share_of_disk};
use lens::Lens;

params! {
    /// Blurs what is out of focus, as a lens does.
    ///
    /// The size of the blur follows a thin lens (Potmesil and Chakravarty, "A lens and aperture camera model for synthetic image generation",
    /// 1981): it grows with the difference of disparity from what is in focus. Light is blurred in linear light. What is nearer hides what is
    /// behind: a sharp foreground does not bleed into a blurred background, a blurred foreground lies softly over what is behind it. Depth of a
    /// model has no unit, so the lens is `relative` by default: `max_blur` is reached where the picture is farthest from the focus.
    /// A `physical` lens takes meters: `near_m` and `far_m` say what the nearest and the farthest of the picture are.
    pub struct Params {
        /// Largest diameter of the blur, in percent of the longer side; 0 = no blur at all.
        max_blur: f32 = 0.0, Kind::Number { min: 0.0, max: 10.0, unit: "%" };
        /// What is in focus: the nearest part of the picture, the distance `focus`, or what lies at the point `focus_x`, `focus_y`.
        focus_on: String = "nearest", Kind::Choice(&["nearest", "distance", "point"]);
        /// Distance in focus; 0 = nearest, 1 = farthest.
        focus: f32 = 0.0, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Focus point from the left edge (0) to the right (1), of the upright picture.
        focus_x: f32 = 0.5, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// Focus point from the top (0) to the bottom (1), of the upright picture.
        focus_y: f32 = 0.5, Kind::Number { min: 0.0, max: 1.0, unit: "" };
        /// How the size of the blur is found: `relative` scales it to `max_blur`; `physical` computes it from the numbers of the lens, `max_blur` bounds it.
        lens: String = "relative", Kind::Choice(&["relative", "physical"]);
        /// Aperture of a physical lens: focal length / diameter of its opening.
        f_number: f32 = 2.0, Kind::Number { min: 0.7, max: 32.0, unit: "" };
        /// Focal length of a physical lens.
        focal_length_mm: f32 = 50.0, Kind::Number { min: 5.0, max: 600.0, unit: "mm" };
        /// Longer side of the sensor of a physical lens; 36 = full frame, 23.5 = APS-C, 17.3 = Four Thirds.
        sensor_mm: f32 = 36.0, Kind::Number { min: 3.0, max: 60.0, unit: "mm" };
        /// Distance of the nearest of the picture, for a physical lens.
        near_m: f32 = 2.0, Kind::Number { min: 0.05, max: 100.0, unit: "m" };
        /// Distance of the farthest of the picture, for a physical lens.
        far_m: f32 = 12.0, Kind::Number { min: 0.1, max: 10000.0, unit: "m" };
        /// Makes highlights shine where they are blurred: 1 doubles the light of what is brighter than `highlight_threshold`.
        highlights: f32 = 0.0, Kind::Number { min: 0.0, max: 8.0, unit: "" };
        /// Luminance from which light counts as a highlight; 1 = diffuse white.
        highlight_threshold: f32 = 0.8, Kind::Number { min: 0.0, max: 16.0, unit: "" };
        /// Blades of the aperture, 3 to 9; 0 to 2 = round.
        blades: u32 = 0u32, Kind::Whole { min: 0, max: 9, unit: "" };
        /// Turns the aperture clockwise; at 0 a corner points up.
        rotation: f32 = 0.0, Kind::Number { min: -180.0, max: 180.0, unit: "degrees" };
        /// Cat eye: how much the disk is squeezed toward the corners, as by the barrel of a lens. At 1 it is half as wide there.
        cat_eye: f32 = 0.0, Kind::Number { min: 0.0, max: 1.0, unit: "" };
    }
}

/// Render-ready numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Constants {
    /// 0 = looks for pixels beside something nearer, 1 = blurs.
    pub stage: u32,
    /// Place of the taps in the tables.
    pub taps: u32,
    /// Number of taps.
    pub count: u32,
    /// Rows and columns that they reach.
    pub reach: u32,
    /// Disparity in focus.
    pub focus: f32,
    /// Radius in pixels per unit of disparity.
    pub slope: f32,
    /// Largest radius in pixels.
    pub limit: f32,
    /// Radius from which on fields take over.
    pub low: f32,
    /// 1 / the pixels of radius until they have taken over; 0 = there are no fields.
    pub fade: f32,
    /// Light added to highlights.
    pub boost: f32,
    /// Luminance from which they count.
    pub bright: f32,
    /// 1 / the luminance from there until they count in full.
    pub bright_step: f32,
    /// Cat eye: the squeeze per pixel from the center. The measure of a place at `d` grows by `dot(e, d)^2 / |d|`, `e = eye * (pixel - center)`.
    pub eye: f32,
    /// Center of the picture, in pixels.
    pub eye_x: f32,
    /// The same along columns.
    pub eye_y: f32,
    /// Blurred layers: see `layers`.
    pub field: FieldConstants,
}

/// Pixels beyond which the pattern of taps gets coarser.
const DENSE: u32 = 12;
/// Magnitude from which on a channel is that of a broken pixel.
const LARGEST: f32 = 1e6;
/// Weight in the base of pixels beside something nearer, whose color may be mixed with it.
const IMPURE: f32 = 1e-3;

/// The operation.
pub struct Spec;

impl Op for Spec {
    const ID: &'static str = "defocus";
    const WGSL: &'static str = include_str!("../../shaders/ops/defocus.wgsl");
    const TOLERANCE_CODES: f32 = 4.0;
    const AREA: bool = true;
    const FIELD_NUMBERS: u64 = 20;
    type Params = Params;
    type Constants = Constants;

    fn domain(_: &Params) -> Domain {
        Domain::Linear
    }

    fn is_identity(params: &Params) -> bool {
        params.max_blur == 0.0
    }

    fn reads_depth(_: &Params) -> bool {
        true
    }

    fn stages(_: &Params) -> u32 {
        2
    }

    fn area(params: &Params, frame: &Frame, stage: u32) -> Option<Area> {
        let reach = if stage == 0 { 1 } else { reach(params, frame) };
        let reach = Reach::Margin { x: reach, y: reach };
        Some(Area { extent_in: frame.extent, extent_out: frame.extent, reach })
    }

    fn wants_field(params: &Params) -> bool {
        !Self::is_identity(params)
    }

    fn field(params: &Params, proxy: &Proxy, frame: &Frame) -> Field {
        layers::field(params, proxy, &proxy.disparity, frame)
    }

    fn prepare(params: &Params, context: &Context, tables: &mut Tables) -> Result<Constants, String> {
        let frame = &context.frame;
        let fields = context.field.as_deref().filter(|field| layers::is_ours(field));
        let focus = fields.map_or_else(|| lens::blind_focus(params), layers::focus);
        let lens = Lens::new(params, frame, focus)?;
        let mut c = constants(params, frame, &lens);
        c.stage = context.stage;
        if let Some(field) = fields {
            c.field = layers::constants(field, frame, tables);
        } else {
            // Without fields nothing is known of large blur: it is as large as can be gathered.
            (c.fade, c.limit) = (0.0, c.limit.min(c.reach as f32 - 0.5));
        }
        if context.stage > 0 {
            let aperture = aperture::Aperture { blades: params.blades, rotation: params.rotation };
            let taps = aperture::taps(&aperture, frame, c.reach, DENSE);
            c.count = taps.len() as u32;
            c.taps = tables.push_words(taps.iter().flat_map(aperture::Tap::words));
        }
        Ok(c)
    }

    #[inline(always)]
    fn gather(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
        if c.stage == 0 {
            purity(c, planes, chunk);
        } else {
            blur(c, tables, planes, chunk);
        }
    }
}

/// Radii between which fields take over, in pixels: in cells of the proxy, so that they can resolve the blur.
fn transition(frame: &Frame) -> (f32, f32) {
    let long = |extent: crate::picture::Extent| f64::from(extent.width.max(extent.height));
    let cell = (long(frame.extent) / long(Proxy::extent_for(frame.extent))).max(1.0);
    let high = (2.0 * cell + 1.0).min(MAX_REACH as f64 - 1.0);
    ((high * 0.5) as f32, high as f32)
}

/// Columns and rows that are gathered from on either side.
fn reach(params: &Params, frame: &Frame) -> u32 {
    let long = frame.extent.width.max(frame.extent.height) as f32;
    let limit = params.max_blur / 200.0 * long;
    (transition(frame).1.min(limit) + 0.5).ceil().max(1.0) as u32
}

/// All but the tables.
fn constants(params: &Params, frame: &Frame, lens: &Lens) -> Constants {
    let (low, high) = transition(frame);
    let (width, height) = (frame.extent.width as f32, frame.extent.height as f32);
    Constants {
        stage: 0,
        taps: 0,
        count: 0,
        reach: reach(params, frame),
        focus: lens.focus,
        slope: lens.slope,
        limit: lens.limit,
        low,
        fade: 1.0 / (high - low),
        boost: params.highlights,
        bright: params.highlight_threshold,
        bright_step: 1.0 / (0.25 * params.highlight_threshold).max(0.05),
        eye: params.cat_eye.sqrt() / (0.5 * width.hypot(height)),
        eye_x: 0.5 * width,
        eye_y: 0.5 * height,
        field: FieldConstants::default(),
    }
}

impl Constants {
    /// Signed radius of the blur at a disparity: positive in front of the focus.
    #[inline(always)]
    fn radius(&self, disparity: f32) -> f32 {
        Lens { focus: self.focus, slope: self.slope, limit: self.limit }.radius(disparity)
    }

    /// How far fields have taken over for blur of this radius, 0 to 1.
    #[inline(always)]
    fn faded(&self, radius: f32) -> f32 {
        let t = clamped((radius - self.low) * self.fade);
        t * t * (3.0 - 2.0 * t)
    }

    /// How far blur of this radius has a part in the field of what is behind the focus, 0 to 1: all of it before that field is used.
    #[inline(always)]
    fn part(&self, radius: f32) -> f32 {
        clamped((2.0 * radius - self.low) * self.fade)
    }

    /// True for the color of a pixel that is not broken.
    #[inline(always)]
    fn sound(rgb: [f32; 3]) -> bool {
        (rgb[0].abs() < LARGEST) & (rgb[1].abs() < LARGEST) & (rgb[2].abs() < LARGEST)
    }

    /// Factor of the light of a pixel with blur of this radius.
    #[inline(always)]
    fn gain(&self, rgb: [f32; 3], radius: f32) -> f32 {
        let luma = LUMA_REC2020[0] * rgb[0] + LUMA_REC2020[1] * rgb[1] + LUMA_REC2020[2] * rgb[2];
        let t = clamped((luma - self.bright) * self.bright_step);
        1.0 + self.boost * (t * t * (3.0 - 2.0 * t)) * clamped(radius - 1.0)
    }
}

/// How pure the color of a pixel is when something at `nearest` lies beside it, both signed radii: 1 = not mixed.
#[inline(always)]
fn pure(nearest: f32, own: f32) -> f32 {
    1.0 - clamped(0.5 * (nearest - own) - 0.5)
}

/// Stage 0: purity of the pixels, from the nearest of 3 x 3.
#[inline(always)]
fn purity(c: &Constants, planes: &Planes, chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let first = (chunk.x as usize + planes.pad()).saturating_sub(1);
    let mut nearest = [-LARGEST; CHUNK + 2];
    for y in [-1, 0, 1] {
        let row = planes.row(DISPARITY_PLANE, i64::from(chunk.y) + y);
        for (nearest, disparity) in nearest.iter_mut().zip(row.iter().skip(first)).take(n + 2) {
            let radius = c.radius(*disparity);
            *nearest = nearest.max(radius);
        }
    }
    let (disparity, aux) = (&chunk.disparity[..n], &mut chunk.aux[..n]);
    for i in 0..n {
        let around = nearest[i].max(nearest[i + 1]).max(nearest[i + 2]);
        aux[i] = pure(around, c.radius(disparity[i]));
    }
}

/// The plane of disparity.
const DISPARITY_PLANE: usize = 5;

/// Pixels of the picture at full size as sources.
struct Full<'a> {
    c: &'a Constants,
    planes: &'a Planes,
    x: usize,
}

impl Full<'_> {
    #[inline(always)]
    fn row(&self, plane: usize, y: i64, reach: usize, width: usize) -> &[f32] {
        let first = (self.x + self.planes.pad()).saturating_sub(reach);
        self.planes.row(plane, y).get(first..first + width).unwrap_or(&ZEROS[..width.min(WIDE)])
    }
}

static ZEROS: [f32; WIDE] = [0.0; WIDE];
static ONES: [f32; WIDE] = [1.0; WIDE];

impl Rows for Full<'_> {
    #[inline(always)]
    fn line(&self, y: i64, reach: usize, width: usize, line: &mut Line) {
        let n = width.min(WIDE);
        let (r, g, b) = (&self.row(0, y, reach, n)[..n], &self.row(1, y, reach, n)[..n], &self.row(2, y, reach, n)[..n]);
        let (disparity, pure) = (&self.row(DISPARITY_PLANE, y, reach, n)[..n], &self.row(AUX_PLANE, y, reach, n)[..n]);
        let has_alpha = self.planes.carried().alpha;
        let coverage = if has_alpha { &self.row(ALPHA_PLANE, y, reach, n)[..n] } else { &ONES[..n] };
        let [to_r, to_g, to_b] = &mut line.rgb;
        let (to_r, to_g, to_b) = (&mut to_r[..n], &mut to_g[..n], &mut to_b[..n]);
        for i in 0..n {
            let rgb = [r[i], g[i], b[i]];
            let radius = self.c.radius(disparity[i]).abs();
            let gain = self.c.gain(rgb, radius);
            let sound = Constants::sound(rgb);
            to_r[i] = if sound { rgb[0] * gain } else { 0.0 };
            to_g[i] = if sound { rgb[1] * gain } else { 0.0 };
            to_b[i] = if sound { rgb[2] * gain } else { 0.0 };
            line.base[i] = if sound { coverage[i] * pure[i].max(IMPURE) } else { 0.0 };
        }
        let (to_c, edge, base) = (&mut line.c[..n], &mut line.edge[..n], &line.base[..n]);
        let (front, shared) = (&mut line.front[..n], &mut line.shared[..n]);
        for i in 0..n {
            let c = self.c.radius(disparity[i]);
            let radius = c.abs().max(0.5);
            let faded = self.c.faded(radius);
            let covered = if base[i] > 0.0 { coverage[i] } else { 0.0 };
            // Blurred by fields alone: no light for others here.
            let alone = faded >= 1.0;
            let light = covered * share_of_disk(radius);
            to_c[i] = c;
            edge[i] = if alone { 0.0 } else { radius + 0.5 };
            front[i] = if alone { 0.0 } else { light * if c > 0.0 { 1.0 - faded } else { 1.0 } };
            shared[i] = if c > 0.0 || alone { 0.0 } else { light * self.c.part(radius) };
        }
    }
}

/// Stage 1.
#[inline(always)]
fn blur(c: &Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let (mut center, mut sums) = (Center::new(), Sums::new());
    for i in 0..n {
        let rgb = [chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]];
        let signed = c.radius(chunk.disparity[i]);
        let radius = signed.abs();
        let (gain, sound) = (c.gain(rgb, radius), Constants::sound(rgb));
        let faded = c.faded(radius);
        for (plane, light) in center.rgb.iter_mut().zip(rgb) {
            plane[i] = if sound { light * gain } else { 0.0 };
        }
        center.c[i] = signed;
        center.edge[i] = if faded < 1.0 { radius.max(0.5) + 0.5 } else { 0.0 };
        center.far[i] = if signed < 0.0 { faded } else { 0.0 };
        center.eye[0][i] = c.eye * ((chunk.x + i as u32) as i32 as f32 + 0.5 - c.eye_x);
        center.eye[1][i] = c.eye * (chunk.y as i32 as f32 + 0.5 - c.eye_y);
    }
    let from = c.taps as usize;
    let words = tables.get(from..from + c.count as usize * aperture::TAP_WORDS).unwrap_or(&[]);
    let rows = Full { c, planes, x: chunk.x as usize };
    gather::gather(&rows, words, c.reach as usize, i64::from(chunk.y), n, &center, &mut sums);
    let has_alpha = planes.carried().alpha;
    let mut layers = [NO_PLANE; layers::CHANNELS];
    c.field.sample_run(tables, (chunk.x, chunk.y), n, &mut layers);
    for i in 0..n {
        let came = [chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]];
        let blurred = composed(c, layers.each_ref().map(|plane| plane[i]), &center, &sums, i);
        let made = if Constants::sound(came) { blurred } else { came };
        let share = if has_alpha { chunk.alpha[i] } else { 1.0 };
        for (plane, light) in chunk.rgb.iter_mut().zip(made) {
            plane[i] = light * share;
        }
    }
}

/// Area of a disk squeezed by `e`, as the reciprocal of its share of the full one: of the curve `r = 1 / (1 + k cos^2)`, `k = |e|^2`.
#[inline(always)]
fn squeezed(ex: f32, ey: f32) -> f32 {
    let k = ex * ex + ey * ey;
    (1.0 + k) * (1.0 + k).sqrt() / (1.0 + 0.5 * k)
}

/// Puts the layers of pixel `i` together.
#[inline(always)]
fn composed(c: &Constants, layer: [f32; layers::CHANNELS], center: &Center, sums: &Sums, i: usize) -> [f32; 3] {
    let signed = center.c[i];
    let faded = c.faded(signed.abs());
    let front = sums.front[i];
    let covers = (front * squeezed(center.eye[0][i], center.eye[1][i])).min(1.0) * if signed > 0.0 { 1.0 - faded } else { 1.0 };
    let mut out = [0.0; 3];
    for k in 0..3 {
        let own = center.rgb[k][i];
        let gathered = own + sums.base_rgb[k][i] / sums.base[i].max(TINY);
        let large = if signed > 0.0 { layer[layers::BEHIND + k] } else { layer[layers::FAR + k] };
        let base = gathered + faded * (large - gathered);
        let nearer = own + sums.front_rgb[k][i] / front.max(TINY);
        let seen = base + covers * (nearer - base);
        out[k] = layer[layers::NEAR + k] + (1.0 - layer[layers::COVER]) * seen;
    }
    out
}

#[cfg(test)]
mod tests;
