//! A component around a core module.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// Wraps a core module. One that imports WASI preview 1 gets the adapter for commands if it has a start function of
/// its own, else the one for libraries.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    let shape = Shape::of(module).map_err(|error| error.to_string())?;
    let said = |error| format!("{error:#}");
    let mut encoder = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .map_err(said)?;
    if shape.imports_preview1 {
        let adapter = if shape.is_command {
            WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
        } else {
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
        };
        encoder = encoder
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)
            .map_err(said)?;
    }
    encoder.encode().map_err(said)
}

struct Shape {
    imports_preview1: bool,
    is_command: bool,
}

impl Shape {
    fn of(module: &[u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut shape = Self {
            imports_preview1: false,
            is_command: false,
        };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        shape.imports_preview1 |=
                            import?.module == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
                    }
                }
                Payload::ExportSection(reader) => {
                    for export in reader {
                        shape.is_command |= export?.name == "_start";
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command of preview 1 that returns at once: imports `proc_exit`, exports `_start` and its memory.
    fn command() -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        // Types: () -> () and (i32) -> ().
        module.extend(b"\x01\x08\x02\x60\0\0\x60\x01\x7f\0");
        let import = b"\x16wasi_snapshot_preview1\x09proc_exit\0\x01";
        module.extend([2, u8::try_from(import.len() + 1).unwrap(), 1]);
        module.extend(import);
        module.extend(b"\x03\x02\x01\0");
        module.extend(b"\x05\x03\x01\0\x01");
        module.extend(b"\x07\x13\x02\x06_start\0\x01\x06memory\x02\0");
        module.extend(b"\x0a\x04\x01\x02\0\x0b");
        module
    }

    #[test]
    fn a_command_of_preview_1_becomes_a_component_that_runs() {
        let component = componentize(&command()).unwrap();
        let world = oci::inspect::world_of(&component).unwrap();
        assert!(
            world
                .exports
                .iter()
                .any(|name| name.starts_with("wasi:cli/run@")),
            "{world:?}"
        );
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(componentize(b"\0asm\x01\0\0\0\xff").is_err());
    }
}
