//! Compilation happens in a process of its own: Cranelift cannot be cancelled, and what a hostile component
//! makes it allocate must not be the host's memory.
//!
//! The process is this program (or another that calls [`child_main`]) run as
//! `<program> __compile <bytes of address space> <seconds of processor time>`, the component on its standard
//! input and the machine code on its standard output.

use super::config;
use bytes::Bytes;
use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The hidden subcommand. A binary that hosts components hands it to [`child_main`] before it reads its
/// other arguments.
pub const SUBCOMMAND: &str = "__compile";
/// The component is at fault, not the compiler.
const EXIT_INVALID: u8 = 3;
/// Bytes of the compiler's complaint that are kept.
const MAX_COMPLAINT: u64 = 4 * 1024;
const NICE: i32 = 10;

/// Bounds of one compilation.
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {
    /// From start to end.
    pub deadline: Duration,
    /// Processor time over all threads.
    pub cpu: Duration,
    /// Address space of the compiler, in bytes.
    pub memory: u64,
}

impl Default for CompileLimits {
    /// Ten times what the largest known component (Python, 18 MB) takes on a small machine.
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(2),
            cpu: Duration::from_mins(4),
            memory: 4 << 30,
        }
    }
}

/// Why there is no machine code of a component.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The bytes are not a component this engine can run.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It takes longer than allowed.
    #[error("compiling took longer than {0:?}")]
    Deadline(Duration),
    /// It takes more memory or processor time than allowed.
    #[error("the compiler was stopped: {0}")]
    Killed(String),
    /// The compiler could not be run.
    #[error("the compiler {program} could not be run")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The machine code is not for this engine.
    #[error("the compiler's output cannot be used: {0}")]
    Unusable(String),
    /// The process is stopping.
    #[error("the engine is stopping")]
    Stopped,
}

/// Machine code that this host made itself: the only kind that may be loaded.
pub(super) struct Artifact(Vec<u8>);

impl Artifact {
    /// `bytes` must be what [`in_child`] returned, unaltered; see [`super::cache`].
    pub(super) fn verified(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[expect(
        unsafe_code,
        reason = "loading machine code cannot be checked by the compiler; the bytes come from our own \
                  compiler process, directly or through a private file whose SHA-256 was verified"
    )]
    pub(super) fn deserialize(
        &self,
        engine: &wasmtime::Engine,
    ) -> wasmtime::Result<wasmtime::component::Component> {
        // SAFETY: an `Artifact` only ever holds what `Engine::precompile_component` wrote, see above.
        unsafe { wasmtime::component::Component::deserialize(engine, &self.0) }
    }
}

/// Refuses what is evidently no component, with a better word than a parser has.
pub(super) fn precheck(bytes: &[u8]) -> Result<(), CompileError> {
    const MAGIC: &[u8] = b"\0asm";
    const MODULE: &[u8] = &[1, 0, 0, 0];
    let invalid = |what: &str| Err(CompileError::Invalid(what.to_owned()));
    match bytes.split_at_checked(8) {
        Some((head, _)) if !head.starts_with(MAGIC) => invalid("the bytes are not WebAssembly"),
        Some((head, _)) if &head[4..] == MODULE => invalid(
            "it is a core module; build a component instead (Rust: target wasm32-wasip2) or convert \
             it with `wasm-tools component new`",
        ),
        Some(_) => Ok(()),
        None => invalid("it has fewer than 8 bytes"),
    }
}

/// Compiles in a child process.
pub(super) async fn in_child(
    program: &Path,
    limits: CompileLimits,
    component: Bytes,
) -> Result<Artifact, CompileError> {
    let spawn_error = |source| CompileError::Spawn {
        program: program.display().to_string(),
        source,
    };
    let mut child = tokio::process::Command::new(program)
        .arg(SUBCOMMAND)
        .arg(limits.memory.to_string())
        .arg(limits.cpu.as_secs().max(1).to_string())
        // The compiler handles untrusted input and needs nothing from our environment.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(spawn_error)?;
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(CompileError::Stopped);
    };
    let talk = async {
        let mut code = Vec::new();
        let mut complaint = Vec::new();
        let mut stderr = stderr.take(MAX_COMPLAINT);
        let write = async {
            // A compiler that stops reading says why on its standard error.
            let _ = stdin.write_all(&component).await;
            drop(stdin);
        };
        let ((), read, _) = tokio::join!(
            write,
            stdout.read_to_end(&mut code),
            stderr.read_to_end(&mut complaint)
        );
        read?;
        // A full pipe must not stop the child.
        drop(stderr);
        Ok((code, complaint, child.wait().await?))
    };
    match tokio::time::timeout(limits.deadline, talk).await {
        Ok(Ok((code, complaint, status))) => judge(status, &complaint).map(|()| Artifact(code)),
        Ok(Err(error)) => Err(spawn_error(error)),
        Err(_) => Err(CompileError::Deadline(limits.deadline)),
    }
}

fn judge(status: ExitStatus, complaint: &[u8]) -> Result<(), CompileError> {
    let complaint = String::from_utf8_lossy(complaint).trim().to_owned();
    if status.success() {
        Ok(())
    } else if status.code() == Some(i32::from(EXIT_INVALID)) {
        Err(CompileError::Invalid(complaint))
    } else {
        // Out of memory aborts, too much processor time is a signal.
        Err(CompileError::Killed(format!("{status}; {complaint}")))
    }
}

/// The compiler process. Reads the limits from the arguments after [`SUBCOMMAND`].
pub fn child_main() -> ExitCode {
    let mut numbers = std::env::args()
        .skip(2)
        .map(|argument| argument.parse::<u64>());
    let (Some(Ok(memory)), Some(Ok(cpu)), None) = (numbers.next(), numbers.next(), numbers.next())
    else {
        return complain(
            "usage: __compile <bytes of memory> <seconds of processor time>",
            2,
        );
    };
    if let Err(error) = restrict(memory, cpu) {
        return complain(&format!("limits could not be set: {error}"), 2);
    }
    let mut component = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut component) {
        return complain(&format!("the component could not be read: {error}"), 2);
    }
    let engine = match wasmtime::Engine::new(&config::code()) {
        Ok(engine) => engine,
        Err(error) => return complain(&format!("{error:#}"), 2),
    };
    let code = match engine.precompile_component(&component) {
        Ok(code) => code,
        Err(error) => return complain(&format!("{error:#}"), EXIT_INVALID),
    };
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(&code).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("the code could not be written: {error}"), 2),
    }
}

fn restrict(memory: u64, cpu: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    nice(NICE)?;
    for (resource, value) in [
        (Resource::As, memory),
        (Resource::Cpu, cpu),
        (Resource::Core, 0),
    ] {
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )?;
    }
    Ok(())
}

fn complain(what: &str, code: u8) -> ExitCode {
    // Nobody is left to tell when this fails.
    let _ = writeln!(std::io::stderr(), "{what}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_named() {
        let refused = |bytes: &[u8]| precheck(bytes).unwrap_err().to_string();
        assert!(refused(b"").contains("fewer than 8 bytes"));
        assert!(refused(b"#!/bin/sh").contains("not WebAssembly"));
        assert!(refused(b"\0asm\x01\0\0\0").contains("core module"));
        assert!(precheck(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
