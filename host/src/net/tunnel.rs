//! CONNECT through a proxy (RFC 9110 9.3.6), by hand: the stream must come back untouched for TLS.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{egress::EgressError, proxy::Proxy};

/// No proxy needs more to say yes.
const MAX_ANSWER: usize = 8192;

/// Asks `proxy` at the other end of `stream` for `host:port`.
pub(super) async fn open(
    mut stream: TcpStream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<TcpStream, EgressError> {
    let problem = |problem: String| EgressError::ConnectionRefused {
        target: format!("{host}:{port} through the proxy {}", proxy.authority),
        problem,
    };
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream
        .write_all(&request)
        .await
        .map_err(|error| problem(error.to_string()))?;

    // Byte by byte: what follows the answer's head belongs to the target.
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_ANSWER {
            return Err(problem("the proxy's answer is too long".to_owned()));
        }
        answer.push(
            stream
                .read_u8()
                .await
                .map_err(|error| problem(error.to_string()))?,
        );
    }
    let line = answer
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    match line.split(' ').nth(1) {
        Some(status)
            if line.starts_with("HTTP/1.") && status.len() == 3 && status.starts_with('2') =>
        {
            Ok(stream)
        }
        _ => Err(problem(format!("the proxy answered {line:?}"))),
    }
}
