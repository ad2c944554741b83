//! What GPU tests share: the software adapter, both executors, pictures, parameters.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::{Arc, OnceLock};

use chiaro::exec::Executor;
use chiaro::exec::cpu::Cpu;
use chiaro::exec::gpu::{Gpu, Selection};
use chiaro::lut::{Domain, Lut, Lut1d, Lut3d};
use chiaro::ops::field::Field;
use chiaro::ops::{AnyOp, Context, Frame, Isa, Kind, ParamSet, Value};
use chiaro::picture::{Alpha, Channels, Extent, PixelLayout, Region, SampleType, Strip};
use chiaro::plan::Program;

/// A new executor on the software adapter. On Linux its absence is a failure; elsewhere `None` after saying why.
pub fn open() -> Option<Gpu> {
    static ENVIRONMENT: OnceLock<()> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
            // SAFETY: Mesa reads the variable when the first instance is made; every test makes its instance here, behind this lock,
            // and no other code of these tests reads or writes the environment through C.
            unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
        }
    });
    match Gpu::new(&Selection::Name("llvmpipe".to_owned())) {
        Ok(gpu) => gpu,
        Err(e) if cfg!(target_os = "linux") => {
            panic!(
                "{e}\nGPU tests run on Mesa's software adapter: `make deps`, or apt install mesa-vulkan-drivers libvulkan1"
            )
        }
        Err(e) => {
            eprintln!("ignored: {e}");
            None
        }
    }
}

/// The executor that the tests of one process share.
pub fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    GPU.get_or_init(open).as_ref()
}

/// The definition.
pub fn cpu() -> Cpu {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    Cpu::new(Arc::new(pool), Isa::best())
}

pub fn layout(sample: SampleType, channels: Channels, alpha: Alpha) -> PixelLayout {
    PixelLayout { sample, channels, alpha }
}

pub fn rgb(sample: SampleType) -> PixelLayout {
    layout(sample, Channels::Rgb, Alpha::None)
}

/// Runs a program over a whole strip.
pub fn render(executor: &dyn Executor, program: &Program, input: &Strip, depth: Option<&[f32]>) -> Strip {
    let mut output = Strip::new(Region { width: 1, y: 0, rows: 0 }, program.output);
    executor.run(program, input, depth, &mut output).unwrap();
    output
}

/// The samples as numbers: code values of integers, values of floats.
pub fn samples(strip: &Strip) -> Vec<f64> {
    let bytes = strip.bytes();
    match strip.layout.sample {
        SampleType::U8 => bytes.iter().map(|v| f64::from(*v)).collect(),
        SampleType::U16 => bytes.chunks_exact(2).map(|b| f64::from(u16::from_ne_bytes([b[0], b[1]]))).collect(),
        SampleType::F16 => bytes.chunks_exact(2).map(|b| half::f16::from_ne_bytes([b[0], b[1]]).to_f64()).collect(),
        SampleType::F32 => {
            bytes.chunks_exact(4).map(|b| f64::from(f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))).collect()
        }
    }
}

/// A ramp over -1 to 2 in single floats, another one per channel; every value of the interval is close to one of each.
pub fn ramp() -> Strip {
    let region = Region { width: 333, y: 0, rows: 37 };
    let mut strip = Strip::new(region, rgb(SampleType::F32));
    let n = region.pixels();
    let at = |i: usize| (-1.0 + 3.0 * i as f64 / (n - 1) as f64) as f32;
    let values = (0..n).flat_map(|i| [at(i), at(n - 1 - i), at(i * 5_003 % n)]);
    for (bytes, value) in strip.bytes_mut().chunks_exact_mut(4).zip(values) {
        bytes.copy_from_slice(&value.to_ne_bytes());
    }
    strip
}

/// Colors one meets in Oklab, in single floats: lightness 0 to 1, a and b within 0.2 of gray.
pub fn oklab() -> Strip {
    let mut strip = Strip::new(Region { width: 120, y: 0, rows: 60 }, rgb(SampleType::F32));
    let mut random = Random(5);
    for (i, word) in strip.words_mut().iter_mut().enumerate() {
        let v = random.unit();
        *word = (if i % 3 == 0 { v } else { 0.4 * v - 0.2 } as f32).to_bits();
    }
    strip
}

/// All 16-bit codes in every channel, in another order each.
pub fn codes() -> Strip {
    let mut strip = Strip::new(Region { width: 256, y: 0, rows: 256 }, rgb(SampleType::U16));
    let values = (0..=u16::MAX).flat_map(|i| [i, u16::MAX - i, i.wrapping_mul(40_503)]);
    for (bytes, value) in strip.bytes_mut().chunks_exact_mut(2).zip(values) {
        bytes.copy_from_slice(&value.to_ne_bytes());
    }
    strip
}

/// Name of the LUT that [`context`] holds.
pub const LUT_FILE: &str = "test.cube";

/// What operations need beyond parameters: a LUT with a shaper on a wider domain and a table of bent values.
pub fn context() -> Context {
    let wide = Domain::uniform(-0.25, 1.5);
    let shaper = Lut1d::from_fn(97, wide, |rgb| rgb.map(|v| (v + 0.25) / 1.75)).unwrap();
    let cube =
        Lut3d::from_fn(17, Domain::UNIT, |[r, g, b]| [r * r - 0.1 * g, g.sqrt() + 0.05 * b, 1.1 * b - 0.2 * r * g]);
    let lut = Lut { shaper: Some(shaper), cube: Some(cube.unwrap()), ..Lut::default() };
    let extent = Extent { width: 5, height: 3 };
    // Slopes and offsets, or light: any small numbers will do.
    let values = (0..5 * 3 * 3).map(|i| (i * 7 % 13) as f32 / 26.0).collect();
    Context {
        luts: [(LUT_FILE.to_owned(), Arc::new(chiaro::lut::LoadedLut::new(lut)))].into(),
        field: Some(Arc::new(Field { extent, channels: 3, values })),
        frame: Frame { extent: Extent { width: 333, height: 256 }, ..Frame::default() },
        ..Context::default()
    }
}

/// Depth in meters for a strip, with values that are no distance among them.
pub fn depth(pixels: usize) -> Vec<f32> {
    (0..pixels).map(|i| if i % 97 == 0 { 0.0 } else { 1.0 + (i * 7_919 % 1_000) as f32 * 0.02 }).collect()
}

/// A small generator of pseudo-random numbers (Marsaglia, "Xorshift RNGs", 2003).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A valid value for every parameter: `reach` 1 = anywhere in the range, less = nearer to the default. Files are [`LUT_FILE`].
    pub fn params(&mut self, op: &dyn AnyOp, reach: f64) -> ParamSet {
        let mut set = op.defaults();
        for info in op.params() {
            // Sizes given in several ways contradict each other: mostly the default.
            let sized = matches!(info.kind, Kind::Whole { .. }) && self.next() >> 60 < 4;
            let mut near = |default: f64, min: f64, max: f64| {
                let wanted = min + (max - min) * self.unit();
                (default + (wanted - default) * reach).clamp(min, max)
            };
            let value = match (info.kind, &info.default) {
                (Kind::Number { min, max, .. }, Value::Number(default)) => Value::Number(near(*default, min, max)),
                (Kind::Whole { min, max, .. }, Value::Number(default)) if sized => {
                    // Small ones: so are the pictures.
                    Value::Number(near(*default, f64::from(min), f64::from(max.min(99)).max(*default)).round())
                }
                (Kind::Points { min, max }, Value::Points(default)) => {
                    Value::Points(default.iter().map(|[x, y]| [*x, near(*y, min, max)]).collect())
                }
                (Kind::Numbers { min, max, most, .. }, Value::Number(default)) => {
                    Value::List((0..3.min(most)).map(|_| near(*default, min, max)).collect())
                }
                (Kind::Numbers { min, max, .. }, Value::List(default)) => {
                    let mut list: Vec<f64> = default.iter().map(|d| near(*d, min, max)).collect();
                    list.sort_by(f64::total_cmp);
                    Value::List(list)
                }
                (Kind::Color { min, max } | Kind::Channels { min, max }, Value::List(default)) => {
                    Value::List(default.iter().map(|d| near(*d, min, max)).collect())
                }
                (Kind::Choice(words), _) => Value::Text(words[self.next() as usize % words.len()].to_owned()),
                (Kind::File, _) => Value::Text(LUT_FILE.to_owned()),
                (_, default) => default.clone(),
            };
            info.check(&value).unwrap();
            set.insert(info.name, value);
        }
        set
    }
}
