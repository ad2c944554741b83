//! Adapters and the device: what the machine has, which one is chosen, and its limits.
//!
//! *Adapter*: one way to reach one GPU. A *software adapter* (Mesa's llvmpipe) computes on the CPU: it serves for tests and is never chosen
//! for work unless it is named.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// An adapter, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFacts {
    /// Name of the device.
    pub name: String,
    /// Programming interface: "vulkan", "metal", "dx12".
    pub backend: String,
    /// Driver and its version.
    pub driver: String,
    /// "discrete", "integrated", "virtual", "software" or "other".
    pub kind: &'static str,
}

impl std::fmt::Display for AdapterFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {}, {})", self.name, self.kind, self.backend, self.driver)
    }
}

/// Which adapter to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The fastest hardware adapter, or none.
    Auto,
    /// The fastest hardware adapter; its absence is an error.
    Any,
    /// The first adapter whose name contains this text, in any case; may be a software adapter.
    Name(String),
}

/// Lists the adapters of this machine, hardware first. Starts the drivers: 0.2 s on the first call.
pub fn list_adapters() -> Vec<AdapterFacts> {
    adapters().iter().map(|a| facts(&a.get_info())).collect()
}

fn adapters() -> Vec<wgpu::Adapter> {
    // `Instance::new` panics when no interface was compiled in.
    if wgpu::Instance::enabled_backend_features().is_empty() {
        return Vec::new();
    }
    let descriptor = wgpu::InstanceDescriptor {
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    let instance = wgpu::Instance::new(descriptor);
    let mut all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    all.sort_by_key(|a| rank(a.get_info().device_type));
    all
}

/// False where the kernel shows no graphics device at all, so that loading drivers (0.2 s, and Mesa's remarks on standard error) would
/// only find software. Elsewhere than on Linux nothing is known and the answer is yes.
fn hardware_is_possible() -> bool {
    let nodes = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/mali0"];
    !cfg!(target_os = "linux") || nodes.iter().any(|node| std::path::Path::new(node).exists())
}

/// Order of choice.
fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn facts(info: &wgpu::AdapterInfo) -> AdapterFacts {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Other => "other",
        wgpu::DeviceType::Cpu => "software",
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    AdapterFacts { name: info.name.clone(), backend: info.backend.to_string(), driver, kind }
}

/// Index of the adapter that `selection` means among `all`, which is sorted hardware first; `None` = nothing fits.
fn choose(selection: &Selection, all: &[AdapterFacts]) -> Option<usize> {
    match selection {
        Selection::Auto | Selection::Any => all.iter().position(|a| a.kind != "software"),
        Selection::Name(name) => {
            let wanted = name.to_lowercase();
            all.iter().position(|a| a.name.to_lowercase().contains(&wanted))
        }
    }
}

/// The error for a selection that nothing fits: names what there is.
fn missing(selection: &Selection, all: &[AdapterFacts]) -> Error {
    let wanted = match selection {
        Selection::Auto | Selection::Any => "no hardware GPU was found".to_owned(),
        Selection::Name(name) => format!("no GPU has {name:?} in its name"),
    };
    let found = if all.is_empty() {
        "this machine has no adapter: is a Vulkan, Metal or Direct3D 12 driver installed?".to_owned()
    } else {
        let names: Vec<_> = all.iter().map(ToString::to_string).collect();
        format!("adapters of this machine: {}", names.join("; "))
    };
    Error::Environment(format!("{wanted}; {found}"))
}

/// An open device.
pub(super) struct Context {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub facts: AdapterFacts,
    /// Largest buffer that can be bound, in bytes.
    pub max_binding_bytes: u64,
    /// Set once, when the device is lost or reports an error that nobody waited for.
    fault: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// Opens the adapter that `selection` means; `None` for [`Selection::Auto`] without hardware.
    pub fn open(selection: &Selection) -> Result<Option<Self>> {
        if *selection == Selection::Auto && !hardware_is_possible() {
            return Ok(None);
        }
        let adapters = adapters();
        let all: Vec<_> = adapters.iter().map(|a| facts(&a.get_info())).collect();
        let chosen = choose(selection, &all).and_then(|i| Some((adapters.get(i)?, all.get(i)?)));
        match chosen {
            Some((adapter, facts)) => Self::start(adapter, facts.clone()).map(Some),
            None if *selection == Selection::Auto => Ok(None),
            None => Err(missing(selection, &all)),
        }
    }

    fn start(adapter: &wgpu::Adapter, facts: AdapterFacts) -> Result<Self> {
        let limits = adapter.limits();
        let max_binding_bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("chiaro"), required_limits: limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::Environment(format!("GPU {facts} could not be opened: {e}")))?;
        let fault = Arc::new(Mutex::new(None));
        let (uncaptured, lost) = (Arc::clone(&fault), Arc::clone(&fault));
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| set(&uncaptured, e.to_string())));
        // Dropping the device is reported as well; then nobody is left to read it.
        device.set_device_lost_callback(move |_, message| set(&lost, format!("the device was lost: {message}")));
        Ok(Self { device, queue, facts, max_binding_bytes, fault })
    }

    /// Runs `work` and turns whatever the device objects to into an error.
    pub fn checked<T>(&self, what: &str, work: impl FnOnce() -> T) -> Result<T> {
        let scopes = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation]
            .map(|filter| self.device.push_error_scope(filter));
        let value = work();
        // Scopes close in reverse order.
        let mut first = None;
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        if let Some(error) = first {
            return Err(self.error(format!("{what}: {error}")));
        }
        self.healthy()?;
        Ok(value)
    }

    /// # Errors
    /// `Environment` when the device is lost or broken.
    pub fn healthy(&self) -> Result<()> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(message) => Err(self.error(message)),
            None => Ok(()),
        }
    }

    /// Nothing more is expected of the device: every later call is an error. Returns the error for `what`.
    pub fn lost(&self, what: impl std::fmt::Display) -> Error {
        set(&self.fault, what.to_string());
        self.error(what)
    }

    /// An error of this device.
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::Environment(format!("GPU {}: {what}", self.facts.name))
    }
}

fn set(fault: &Mutex<Option<String>>, message: String) {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, kind: &'static str) -> AdapterFacts {
        AdapterFacts { name: name.to_owned(), backend: "vulkan".to_owned(), driver: "d 1".to_owned(), kind }
    }

    #[test]
    fn software_is_never_chosen_unless_named() {
        let all = [adapter("GeForce", "discrete"), adapter("llvmpipe (LLVM 15)", "software")];
        assert_eq!(choose(&Selection::Auto, &all), Some(0));
        assert_eq!(choose(&Selection::Any, &all[1..]), None);
        assert_eq!(choose(&Selection::Name("LLVMPipe".to_owned()), &all), Some(1));
        assert_eq!(choose(&Selection::Name("radeon".to_owned()), &all), None);
    }

    #[test]
    fn a_missing_gpu_is_an_error_that_names_what_there_is() {
        let all = [adapter("llvmpipe", "software")];
        let text = missing(&Selection::Any, &all).to_string();
        assert!(text.contains("llvmpipe (software, vulkan, d 1)"), "{text}");
        let text = missing(&Selection::Name("arc".to_owned()), &[]).to_string();
        assert!(text.contains("\"arc\"") && text.contains("no adapter"), "{text}");
    }
}
