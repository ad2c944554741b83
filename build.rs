//! Tells the tests what this machine has, so that a test whose material is missing is *ignored with the reason* instead of passing unseen.

fn main() {
    for (name, variable) in [
        // Real pictures, LUTs and depth ground truth.
        ("has_testdata", "CHIARO_TESTDATA"),
        // A Python with PyOpenColorIO and numpy.
        ("has_opencolorio", "CHIARO_ORACLE_PYTHON"),
        // ONNX Runtime's shared library.
        ("has_onnxruntime", "ORT_DYLIB_PATH"),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        println!("cargo::rerun-if-env-changed={variable}");
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
            println!("cargo::rustc-cfg={name}");
        }
    }
    // Programs that tests run: exiftool reads every tag there is, the others run the scripts of the documents.
    println!("cargo::rerun-if-env-changed=PATH");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for (name, program) in [("has_exiftool", "exiftool"), ("has_python3", "python3"), ("has_make", "make")] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        if std::env::split_paths(&folders).any(|folder| folder.join(&file).is_file()) {
            println!("cargo::rustc-cfg={name}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}
