//! Clients: raw bytes for what a library would not send, hyper for the rest.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A response as text.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

/// Sends `bytes` and reads until the server closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses early resets what it did not read; what it said before counts.
    let _reset = stream.read_to_end(&mut answer).await;
    Reply::parse(&answer)
        .unwrap_or_else(|| panic!("no response in {:?}", String::from_utf8_lossy(&answer)))
}

/// GET `/` with the given Host and further header lines.
pub async fn get_with(address: SocketAddr, host: &str, headers: &str) -> Reply {
    raw(
        address,
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").as_bytes(),
    )
    .await
}

pub async fn get(address: SocketAddr, host: &str) -> Reply {
    get_with(address, host, "").await
}

/// Sends a request on a new HTTP/1.1 connection; the response's body is read by the caller.
pub async fn h1(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

pub type H2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// An HTTP/2 connection by prior knowledge, and its end.
pub async fn h2(address: SocketAddr) -> (H2, tokio::task::JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    (sender, tokio::spawn(connection))
}

pub fn request(uri: &str) -> Request<Full<Bytes>> {
    let uri: http::Uri = uri.parse().unwrap();
    let host = uri.authority().map(ToString::to_string);
    let mut builder = Request::builder().uri(uri);
    if let Some(host) = host {
        builder = builder.header("host", host);
    }
    builder.body(Full::default()).unwrap()
}

pub async fn body(response: Response<Incoming>) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}
