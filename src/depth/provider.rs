//! Execution providers: what ONNX Runtime computes on.
//!
//! One that was asked for is used or the run does not begin: nothing is computed elsewhere in silence. (Inside a model, ONNX Runtime places
//! operators that a provider does not have on the CPU; that is the provider's own arithmetic.)

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

    /// True when it compiles a model before it runs it, and can keep what it compiled.
    pub fn compiles(self) -> bool {
        matches!(self, Self::TensorRt | Self::CoreMl | Self::OpenVino)
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
}
