//! A resolver that answers as a test says, and a server that tells what reached it.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use host::{
    http::HttpBody,
    net::{
        AddressPolicy, Egress, EgressClients, EgressConfig, EgressError, EgressOptions,
        EgressPolicy, EgressPools, Proxies, Resolver, TrustRoots, client_config,
    },
};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::TcpListener;

use crate::http::fake::{full, identity};

/// Answers each question for a name with the next of its answers; the last one again and again.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub asked: AtomicUsize,
}

impl Names {
    pub fn new(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |answers: &[&[&str]]| -> Vec<Vec<IpAddr>> {
            answers
                .iter()
                .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect())
                .rev()
                .collect()
        };
        let answers = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), parse(answers)))
            .collect();
        Arc::new(Self {
            answers: Mutex::new(answers),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolver for Names {
    fn resolve(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(name) {
            Some(left) if left.len() > 1 => Ok(left.pop().unwrap()),
            Some(last) => Ok(last[0].clone()),
            None => Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "no such name",
            )),
        };
        async move { answer }.boxed()
    }
}

pub fn config() -> EgressConfig {
    EgressConfig {
        tls: client_config(TrustRoots::Webpki, &[]).unwrap(),
        addresses: AddressPolicy {
            allow_loopback: true,
            ..AddressPolicy::default()
        },
        proxies: Proxies::default(),
        max_connections: 8,
        connection_wait: Duration::from_millis(200),
    }
}

/// One workload's client.
pub fn client(config: EgressConfig, names: &Arc<Names>) -> Arc<dyn Egress> {
    EgressClients::with_resolver(config, names.clone()).for_workload(&identity("default", "a-0"))
}

pub fn policy(entries: &[&str]) -> EgressPolicy {
    EgressPolicy::parse(&entries.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

pub fn get(url: &str) -> Request<HttpBody> {
    Request::builder().uri(url).body(full("")).unwrap()
}

/// Sends and reads the whole response.
pub async fn fetch(
    client: &Arc<dyn Egress>,
    policy: &EgressPolicy,
    url: &str,
) -> Result<String, EgressError> {
    let options = EgressOptions {
        use_tls: url.starts_with("https"),
        ..EgressOptions::default()
    };
    let response = client.send(policy, get(url), options).await?;
    Ok(String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap())
}

/// An HTTP server on loopback, HTTP/1.1 and h2c.
pub struct Server {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers what `respond` makes of each request.
    pub async fn start<F>(
        respond: impl Fn(Request<Incoming>) -> F + Send + Sync + Clone + 'static,
    ) -> Self
    where
        F: Future<Output = Response<HttpBody>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let respond = respond.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let response = respond(request);
                        async move { Ok::<_, std::convert::Infallible>(response.await) }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    // A client that leaves is no failure of the test.
                    let _left = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Answers with the request's version, Host and path.
    pub async fn describing() -> Self {
        Self::start(|request: Request<Incoming>| async move {
            let host = request
                .headers()
                .get("host")
                .map_or("-", |host| host.to_str().unwrap());
            Response::new(full(format!(
                "{:?} {host} {}",
                request.version(),
                request.uri()
            )))
        })
        .await
    }

    pub fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/path?q=1", self.address.port())
    }

    pub fn seen(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
