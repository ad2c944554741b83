//! Execution providers: what ONNX Runtime computes on.
//!
//! One that was asked for is used or the run does not begin: nothing is computed elsewhere in silence. (Inside a model, ONNX Runtime places
//! operators that a provider does not have on the CPU; that is the provider's own arithmetic.)

use crate::isa;

/// What ONNX Runtime computes on. The built-in engine has the CPU only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// NVIDIA GPUs, through TensorRT, and CUDA for what that does not have.
    TensorRt,
    /// Apple's Core ML.
    CoreMl,
    /// DirectX 12 adapters.
    DirectMl,
    /// Intel's OpenVINO.
    OpenVino,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Cpu, Self::Cuda, Self::TensorRt, Self::CoreMl, Self::DirectMl, Self::OpenVino];

    /// Word on the command line, in reports and in identities.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
            Self::OpenVino => "openvino",
        }
    }

    /// True when something is made of a model before it runs that can be kept: TensorRT, Core ML and OpenVINO compile it for their devices, for
    /// the CPU the library itself optimizes the graph.
    pub fn compiles(self) -> bool {
        matches!(self, Self::Cpu | Self::TensorRt | Self::CoreMl | Self::OpenVino)
    }

    /// True where pictures may go through a model together. Providers that compile a model do so for the number of pictures they see: another number
    /// would have them compile again, and what they then made run for one picture too.
    pub fn batches(self) -> bool {
        matches!(self, Self::Cpu | Self::Cuda | Self::DirectMl)
    }

    /// Name of the folder for what is made of a model (by its SHA-256) for inputs of `size` = (width, height); `None` where nothing is. `library`
    /// is the version of ONNX Runtime. What is made for the CPU fits every size, and only processors like this one.
    pub fn compiled_name(self, sha256: &str, library: &str, (width, height): (u32, u32)) -> Option<String> {
        let model = sha256.get(..MODEL_DIGITS).filter(|_| self.compiles())?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let library: String = library.chars().map(plain).collect();
        let fits = if self == Self::Cpu { isa::processor() } else { format!("{width}x{height}") };
        Some(format!("{model}-{}-{library}-{fits}", self.name()))
    }

    /// The provider of a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == word)
    }

    /// Where a library that has it comes from.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Cpu => "every library has it",
            Self::Cuda | Self::TensorRt => "the PyPI package onnxruntime-gpu has a library with it",
            Self::CoreMl => "libraries for macOS have it",
            Self::DirectMl => "the PyPI package onnxruntime-directml has a library with it",
            Self::OpenVino => "the PyPI package onnxruntime-openvino has a library with it",
        }
    }
}

/// Hexadecimal digits of a model's SHA-256 that names of compiled models begin with.
const MODEL_DIGITS: usize = 16;

/// Whether a folder has a name of [`Provider::compiled_name`].
pub fn is_compiled_name(name: &str) -> bool {
    name.split_once('-').is_some_and(|(model, rest)| {
        let provider = rest.split('-').next().and_then(Provider::named);
        model.len() == MODEL_DIGITS
            && model.bytes().all(|b| b.is_ascii_hexdigit())
            && provider.is_some_and(Provider::compiles)
    })
}

/// Names of several, for messages.
pub fn names(providers: &[Provider]) -> String {
    providers.iter().map(|provider| provider.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for provider in Provider::ALL {
            assert_eq!(Provider::named(provider.name()), Some(provider));
        }
        assert_eq!(Provider::named("gpu"), None);
    }

    #[test]
    fn names_of_compiled_models_are_recognized() {
        let sha256 = "0123456789abcdef".repeat(4);
        for provider in Provider::ALL {
            let name = provider.compiled_name(&sha256, "1.24.1 b5963e/82", (256, 192));
            assert_eq!(name.is_some(), provider.compiles());
            assert!(name.is_none_or(|name| is_compiled_name(&name) && !name.contains(['/', ' '])));
        }
        // A model without a hash is compiled each time.
        assert_eq!(Provider::TensorRt.compiled_name("", "1", (1, 1)), None);
        for name in
            ["holiday-pictures", "0123456789abcdef", "0123456789abcdef-cuda-1-2x2", "0123456789abcdeg-openvino-1-2x2"]
        {
            assert!(!is_compiled_name(name), "{name}");
        }
    }
}
