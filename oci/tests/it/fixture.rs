//! Components, stores and scripted registries.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use oci::{Digest, DockerConfig, Images, ImagesOptions, LocalStore, Reference};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component that differs from others by its name.
pub fn component(name: &str) -> Bytes {
    let mut resolve = Resolve::default();
    let wit = format!(
        "package test:{name}@1.0.0; interface api {{ run: func(); }} world app {{ export api; }}"
    );
    let package = resolve.push_str("app.wit", &wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = module_with_export(&format!("test:{name}/api@1.0.0#run"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
        .into()
}

/// A core module with one exported function that does nothing.
fn module_with_export(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07".to_vec();
    module.extend([length + 4, 1, length]);
    module.extend(name.as_bytes());
    module.extend(b"\0\0\x0a\x04\x01\x02\0\x0b");
    module
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A store in a folder of its own.
pub fn store() -> (TempDir, LocalStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::open(dir.path().join("images")).unwrap();
    (dir, store)
}

/// Options that are quick to give up and read nobody's docker configuration.
pub fn options() -> ImagesOptions {
    ImagesOptions {
        attempts: 3,
        backoff: Duration::from_millis(1),
        docker_config: DockerConfig::Ignore,
        ..ImagesOptions::default()
    }
}

pub fn images(options: ImagesOptions) -> (TempDir, Images) {
    let (dir, store) = store();
    (dir, Images::new(store, options).unwrap())
}

/// An answer of a scripted registry.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
}

impl Answer {
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type,
            body: body.into(),
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body: Bytes::from_static(b"scripted"),
        }
    }
}

/// A registry that answers as it was told: by path, the answers in order, the last one again and again.
pub struct Scripted {
    pub addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Scripted {
    pub async fn start(script: HashMap<String, Vec<Answer>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (script, count) = (Arc::new(Mutex::new(script)), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, count) = (Arc::clone(&script), Arc::clone(&count));
                tokio::spawn(async move { serve(stream, &script, &count).await });
            }
        });
        Self { addr, asked, task }
    }

    /// Requests for scripted paths so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: tokio::net::TcpStream,
    script: &Mutex<HashMap<String, Vec<Answer>>>,
    count: &AtomicUsize,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
        if head.starts_with(&[0x16]) {
            // A TLS greeting: as most HTTP servers do, say so in plain text.
            drop(
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
                    .await,
            );
            return;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = {
        let mut script = script.lock().unwrap();
        match script.get_mut(&path) {
            None if path == "/v2/" => Some(Answer::ok("application/json", "{}")),
            None => Some(Answer::status(404)),
            Some(answers) if answers.is_empty() => None,
            Some(answers) => {
                count.fetch_add(1, Ordering::SeqCst);
                Some(if answers.len() > 1 {
                    answers.remove(0)
                } else {
                    answers[0].clone()
                })
            }
        }
    };
    // An empty list of answers is a registry that hangs.
    let Some(answer) = answer else {
        std::future::pending().await
    };
    let head = format!(
        "HTTP/1.1 {} scripted\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    );
    if stream.write_all(head.as_bytes()).await.is_ok() {
        drop(stream.write_all(&answer.body).await);
    }
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The manifest of an image with one layer.
pub fn manifest(layer_type: &str, layer: &[u8]) -> String {
    let config = b"{}";
    serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": Digest::of(config).to_string(), "size": config.len()},
        "layers": [{"mediaType": layer_type, "digest": Digest::of(layer).to_string(), "size": layer.len()}],
    })
    .to_string()
}

/// The paths of `repository` with the image of `layer` under the tag `1`; the layer's answers are the caller's.
pub fn image_script(
    repository: &str,
    layer_type: &str,
    layer: &[u8],
    answers: Vec<Answer>,
) -> HashMap<String, Vec<Answer>> {
    HashMap::from([
        (
            format!("/v2/{repository}/manifests/1"),
            vec![Answer::ok(MANIFEST, manifest(layer_type, layer))],
        ),
        (
            format!("/v2/{repository}/blobs/{}", Digest::of(b"{}")),
            vec![Answer::ok("application/json", "{}")],
        ),
        (
            format!("/v2/{repository}/blobs/{}", Digest::of(layer)),
            answers,
        ),
    ])
}
