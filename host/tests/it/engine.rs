//! Compilation in a child process, and the cache of it on disk.

use crate::workload::support::{self, guest};
use host::engine::{CompileError, CompileLimits, Engine, EngineOptions};
use std::{path::PathBuf, sync::Arc, time::Duration};
use testbed::wait;

fn options() -> EngineOptions {
    EngineOptions {
        // Each engine reserves address space for this many.
        max_instances: 4,
        ..support::options()
    }
}

async fn load(
    engine: &Engine,
    bytes: Vec<u8>,
) -> Result<Arc<host::engine::LoadedComponent>, CompileError> {
    wait::within(wait::TEST, "compiling", engine.load(bytes.into()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_component_is_compiled_once_and_then_found_on_disk_and_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let cached = EngineOptions {
        cache_dir: Some(dir.path().join("cwasm")),
        ..options()
    };
    let engine = Engine::new(cached.clone()).unwrap();
    let first = load(&engine, guest("http-hello")).await.unwrap();
    let again = load(&engine, guest("http-hello")).await.unwrap();
    assert!(
        Arc::ptr_eq(&first, &again),
        "a workload shares what another has loaded"
    );
    drop(engine);

    // Nothing to compile with: what is on disk is enough.
    let other = EngineOptions {
        compiler: PathBuf::from("/nonexistent"),
        ..cached
    };
    let engine = Engine::new(other).unwrap();
    let found = load(&engine, guest("http-hello")).await.unwrap();
    assert_eq!(found.digest(), first.digest());
    assert!(matches!(
        load(&engine, guest("http-acts")).await,
        Err(CompileError::Spawn { .. })
    ));
}

#[tokio::test]
async fn what_cannot_be_compiled_is_named() {
    let engine = Engine::new(options()).unwrap();
    let invalid = [b"\0asm\x0d\0\x01\0".as_slice(), b"\xff\xff\xff"].concat();
    match load(&engine, invalid).await.err() {
        Some(CompileError::Invalid(message)) => assert!(!message.is_empty()),
        other => panic!("{other:?}"),
    }
    match load(&engine, b"\0asm\x01\0\0\0".to_vec()).await.err() {
        Some(CompileError::Invalid(message)) => {
            assert!(message.contains("core module"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_compilation_that_takes_too_much_is_stopped() {
    let limits = CompileLimits {
        deadline: Duration::from_millis(1),
        ..CompileLimits::default()
    };
    let engine = Engine::new(EngineOptions {
        compile: limits,
        ..options()
    })
    .unwrap();
    let error = load(&engine, guest("http-hello")).await.err();
    assert!(
        matches!(error, Some(CompileError::Deadline(_))),
        "{error:?}"
    );

    let limits = CompileLimits {
        memory: 1 << 20,
        ..CompileLimits::default()
    };
    let engine = Engine::new(EngineOptions {
        compile: limits,
        ..options()
    })
    .unwrap();
    let error = load(&engine, guest("http-hello")).await.err();
    assert!(matches!(error, Some(CompileError::Killed(_))), "{error:?}");
}
