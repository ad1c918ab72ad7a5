//! What guests write to standard output and error: log events of the host, line by line, with the
//! workload's namespace, name and component. Never raw: a guest must not forge lines of the host's log.

use bytes::Bytes;
use host_api::ComponentIdentity;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi_io::{
    async_trait,
    poll::Pollable,
    streams::{OutputStream, StreamResult},
};

/// Longer lines are cut into pieces of this many bytes.
const MAX_LINE: usize = 8 * 1024;
/// Bytes a guest may write at once.
const WRITE_BUDGET: usize = 64 * 1024;
/// Lines of a component that are logged per second; the others are counted.
const LINES_PER_SECOND: u32 = 1000;
/// Last lines of standard error that explain a fault.
const TAIL_LINES: usize = 8;

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, logged as information.
    Stdout,
    /// Standard error, logged as a warning.
    Stderr,
}

/// The output of one component, over all its instances.
pub struct Output {
    identity: Arc<ComponentIdentity>,
    window: Mutex<Window>,
    tail: Mutex<VecDeque<String>>,
}

struct Window {
    began: Instant,
    lines: u32,
    missed: u64,
}

impl Output {
    /// For the component `identity`.
    pub fn new(identity: Arc<ComponentIdentity>) -> Arc<Self> {
        Arc::new(Self {
            identity,
            window: Mutex::new(Window {
                began: Instant::now(),
                lines: 0,
                missed: 0,
            }),
            tail: Mutex::default(),
        })
    }

    /// A stream of one instance. Its lines do not mix with those of other instances.
    pub fn stream(self: &Arc<Self>, stream: Stream) -> InstanceStream {
        InstanceStream(Arc::new(Mutex::new(Lines {
            output: self.clone(),
            stream,
            buffer: Vec::new(),
        })))
    }

    /// The last lines of standard error, oldest first.
    pub fn tail(&self) -> Vec<String> {
        self.tail.lock().iter().cloned().collect()
    }

    /// Something the host has to say about the component, under the same rate.
    pub fn notice(&self, text: &str) {
        if self.admit() {
            let workload = &*self.identity.workload;
            tracing::warn!(
                target: "guest",
                namespace = workload.namespace, workload = workload.name,
                component = self.identity.component, "{text}"
            );
        }
    }

    fn line(&self, stream: Stream, line: &[u8]) {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if stream == Stream::Stderr {
            let mut tail = self.tail.lock();
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(line.clone().into_owned());
        }
        if !self.admit() {
            return;
        }
        let workload = &*self.identity.workload;
        let (namespace, name, component) = (
            &*workload.namespace,
            &*workload.name,
            &*self.identity.component,
        );
        match stream {
            Stream::Stdout => tracing::info!(
                target: "guest", namespace, workload = name, component, stream = "stdout", "{line}"
            ),
            Stream::Stderr => tracing::warn!(
                target: "guest", namespace, workload = name, component, stream = "stderr", "{line}"
            ),
        }
    }

    /// Whether a line is within the rate; tells about the ones that were not.
    fn admit(&self) -> bool {
        let mut window = self.window.lock();
        if window.began.elapsed() >= Duration::from_secs(1) {
            let missed = std::mem::take(&mut window.missed);
            window.began = Instant::now();
            window.lines = 0;
            if missed > 0 {
                let workload = &*self.identity.workload;
                tracing::warn!(
                    target: "guest",
                    namespace = workload.namespace, workload = workload.name,
                    component = self.identity.component,
                    "{missed} lines were not logged: the component wrote more than {LINES_PER_SECOND} a second"
                );
            }
        }
        if window.lines < LINES_PER_SECOND {
            window.lines += 1;
            true
        } else {
            window.missed += 1;
            false
        }
    }
}

struct Lines {
    output: Arc<Output>,
    stream: Stream,
    buffer: Vec<u8>,
}

impl Lines {
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = MAX_LINE - self.buffer.len();
            let piece = &bytes[..bytes.len().min(space)];
            if let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
                self.buffer.extend_from_slice(&piece[..end]);
                self.end_line();
                bytes = &bytes[end + 1..];
            } else {
                self.buffer.extend_from_slice(piece);
                bytes = &bytes[piece.len()..];
                if self.buffer.len() == MAX_LINE {
                    self.end_line();
                }
            }
        }
    }

    fn end_line(&mut self) {
        self.output.line(self.stream, &self.buffer);
        self.buffer.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.buffer.is_empty() {
            self.end_line();
        }
    }
}

/// Standard output or error of one instance.
#[derive(Clone)]
pub struct InstanceStream(Arc<Mutex<Lines>>);

impl IsTerminal for InstanceStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for InstanceStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for InstanceStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BUDGET)
    }
}

#[async_trait]
impl Pollable for InstanceStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for InstanceStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_api::WorkloadIdentity;

    fn output() -> Arc<Output> {
        Output::new(Arc::new(ComponentIdentity {
            workload: Arc::new(WorkloadIdentity {
                id: "1".to_owned(),
                namespace: "default".to_owned(),
                name: "w".to_owned(),
            }),
            component: "c".to_owned(),
        }))
    }

    #[test]
    fn lines_of_instances_do_not_mix_and_the_last_ones_are_kept() {
        let output = output();
        let (a, b) = (output.stream(Stream::Stderr), output.stream(Stream::Stderr));
        a.0.lock().write(b"one ");
        b.0.lock().write(b"other\r\nrest");
        a.0.lock().write(b"line\n");
        drop(b);
        assert_eq!(output.tail(), ["other", "one line", "rest"]);
        for number in 0..20 {
            a.0.lock().write(format!("{number}\n").as_bytes());
        }
        assert_eq!(output.tail().first().map(String::as_str), Some("12"));
    }

    #[test]
    fn endless_lines_are_cut_and_the_rate_is_bounded() {
        let output = output();
        let stream = output.stream(Stream::Stderr);
        stream.0.lock().write(&vec![b'x'; MAX_LINE * 2 + 1]);
        assert_eq!(output.tail().len(), 2);
        for _ in 0..LINES_PER_SECOND * 2 {
            output.admit();
        }
        assert!(!output.admit());
    }
}
