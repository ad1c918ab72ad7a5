//! Talking to registries: one client per operation, plain HTTP only where it is allowed, retries.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderValue;
use oci_client::Client;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use parking_lot::Mutex;

use super::classify::classify;
use super::{CaFileError, ImagesOptions};
use crate::artifact::{Artifact, Blob, CONFIG_MEDIA_TYPE, MANIFEST_MEDIA_TYPES};
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{ErrorKind, Fault};
use crate::reference::Reference;

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How registries are reached.
#[derive(Debug)]
pub(super) struct Registries {
    authorities: Vec<Certificate>,
    insecure: Vec<String>,
    connect_timeout: Duration,
    read_timeout: Duration,
    attempts: u32,
    backoff: Duration,
    /// Registries that turned out to speak plain HTTP and may.
    plain: Mutex<HashSet<String>>,
}

/// One registry with one set of credentials.
#[derive(Debug)]
pub(super) struct Access<'a> {
    registries: &'a Registries,
    reference: &'a Reference,
    credentials: Option<&'a Credentials>,
}

impl Registries {
    pub fn new(options: &ImagesOptions) -> Result<Self, CaFileError> {
        // The registry client's TLS takes the process's provider; the error only says that there is one already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut authorities = Vec::new();
        for path in &options.ca_files {
            let pem = std::fs::read(path).map_err(|source| CaFileError {
                path: path.clone(),
                source,
            })?;
            authorities.extend(split_pem(&pem));
        }
        Ok(Self {
            authorities,
            insecure: options.insecure_registries.clone(),
            connect_timeout: options.connect_timeout,
            read_timeout: options.read_timeout,
            attempts: options.attempts.max(1),
            backoff: options.backoff,
            plain: Mutex::new(HashSet::new()),
        })
    }

    pub fn access<'a>(
        &'a self,
        reference: &'a Reference,
        credentials: Option<&'a Credentials>,
    ) -> Access<'a> {
        Access {
            registries: self,
            reference,
            credentials,
        }
    }

    fn may_be_plain(&self, reference: &Reference) -> bool {
        let listed =
            |name: &String| name == "*" || name == reference.registry() || name == reference.host();
        reference.is_loopback() || self.insecure.iter().any(listed)
    }

    /// Clients are not kept: one remembers credentials per registry, and callers differ in theirs.
    fn client(&self, protocol: ClientProtocol) -> Result<Client, OciDistributionError> {
        Client::try_from(ClientConfig {
            protocol,
            extra_root_certificates: self.authorities.clone(),
            connect_timeout: Some(self.connect_timeout),
            read_timeout: Some(self.read_timeout),
            user_agent: concat!("wasmcloud/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        })
    }
}

/// The registry client takes one certificate at a time.
fn split_pem(pem: &[u8]) -> Vec<Certificate> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    text.split_inclusive(END)
        .filter(|part| part.contains("-----BEGIN CERTIFICATE-----") && part.ends_with(END))
        .map(|part| Certificate {
            encoding: CertificateEncoding::Pem,
            data: part.trim().as_bytes().to_vec(),
        })
        .collect()
}

impl Access<'_> {
    /// A manifest by tag or digest, verified against the digest if there is one.
    pub async fn manifest(&self, reference: &Reference) -> Result<Bytes, Fault> {
        let name = reference.for_client();
        let bytes = self
            .retry(|client| {
                let name = name.clone();
                let auth = Credentials::for_client(self.credentials);
                async move {
                    Ok(client
                        .pull_manifest_raw(&name, &auth, &MANIFEST_MEDIA_TYPES)
                        .await?
                        .0)
                }
            })
            .await?;
        match reference.digest() {
            Some(wanted) if Digest::of(&bytes) != wanted => Err(mismatch(wanted, &bytes)),
            _ => Ok(bytes),
        }
    }

    /// A blob, no longer than its descriptor says, verified.
    pub async fn blob(&self, blob: Blob) -> Result<Bytes, Fault> {
        let name = self.reference.for_client();
        let expected = usize::try_from(blob.size)
            .map_err(|_| Fault::new(ErrorKind::TooLarge, format!("{} bytes", blob.size)))?;
        let bytes = self
            .retry(|client| {
                let name = name.clone();
                let auth = Credentials::for_client(self.credentials);
                let registry = name.resolve_registry().to_owned();
                async move {
                    client.store_auth_if_needed(&registry, &auth).await;
                    let digest = blob.digest.to_string();
                    let mut stream = client
                        .pull_blob_stream(&name, digest.as_str())
                        .await?
                        .stream;
                    let mut bytes = BytesMut::new();
                    while let Some(chunk) = stream.next().await {
                        let chunk = chunk?;
                        if bytes.len() + chunk.len() > expected {
                            let detail = format!(
                                "blob {digest} is longer than the {expected} bytes announced"
                            );
                            return Err(OciDistributionError::SpecViolationError(detail));
                        }
                        bytes.extend_from_slice(&chunk);
                    }
                    Ok(bytes.freeze())
                }
            })
            .await?;
        if Digest::of(&bytes) == blob.digest {
            Ok(bytes)
        } else {
            Err(mismatch(blob.digest, &bytes))
        }
    }

    /// Uploads what the registry does not have yet; the manifest comes last, so an image is never half there.
    pub async fn push(&self, artifact: &Artifact) -> Result<(), Fault> {
        let config_digest = Digest::of(&artifact.config);
        for (digest, bytes) in [
            (artifact.layer_digest, &artifact.layer),
            (config_digest, &artifact.config),
        ] {
            tracing::debug!(%digest, bytes = bytes.len(), config = CONFIG_MEDIA_TYPE, "pushing a blob");
            self.push_blob(digest, bytes).await?;
        }
        let name = self.reference.for_client();
        let media_type = HeaderValue::from_str(&artifact.media_type)
            .map_err(|error| Fault::new(ErrorKind::Registry, error.to_string()))?;
        self.retry(|client| {
            let (name, media_type) = (name.clone(), media_type.clone());
            let auth = Credentials::for_client(self.credentials);
            let manifest = artifact.manifest.clone();
            async move {
                client
                    .store_auth_if_needed(name.resolve_registry(), &auth)
                    .await;
                client
                    .push_manifest_raw(&name, manifest, media_type)
                    .await
                    .map(drop)
            }
        })
        .await
    }

    async fn push_blob(&self, digest: Digest, bytes: &Bytes) -> Result<(), Fault> {
        let name = self.reference.for_client();
        self.retry(|client| {
            let (name, bytes) = (name.clone(), bytes.clone());
            let auth = Credentials::for_client(self.credentials);
            async move {
                client
                    .store_auth_if_needed(name.resolve_registry(), &auth)
                    .await;
                let digest = digest.to_string();
                if client.blob_exists(&name, &digest).await? {
                    return Ok(());
                }
                client.push_blob(&name, bytes, &digest).await.map(drop)
            }
        })
        .await
    }

    /// Runs a request until it succeeds, fails for good, or the attempts are used up.
    async fn retry<T, F, Fut>(&self, request: F) -> Result<T, Fault>
    where
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut pause = self.registries.backoff;
        let mut attempt = 1;
        loop {
            let fault = match self.once(&request).await {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            if !fault.transient || attempt >= self.registries.attempts {
                return Err(fault);
            }
            let jittered = pause.mul_f64(rand::random_range(0.5..=1.0));
            tracing::debug!(reference = %self.reference, attempt, kind = fault.kind.as_str(), detail = fault.detail,
                pause_ms = jittered.as_millis(), "a request to a registry failed and is tried again");
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }

    /// One try: TLS first, and plain HTTP if that is allowed and the registry turns out not to speak TLS. A certificate
    /// that is not trusted is never a reason to fall back.
    async fn once<T, F, Fut>(&self, request: &F) -> Result<T, Fault>
    where
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<T, OciDistributionError>>,
    {
        let registries = self.registries;
        let plain_allowed = registries.may_be_plain(self.reference);
        let known_plain =
            plain_allowed && registries.plain.lock().contains(self.reference.registry());
        if !known_plain {
            let outcome = match registries.client(ClientProtocol::Https) {
                Ok(client) => request(client).await,
                Err(error) => Err(error),
            };
            let classified = match outcome {
                Ok(value) => return Ok(value),
                Err(error) => classify(&error),
            };
            if !(plain_allowed && classified.not_tls) {
                return Err(classified.fault);
            }
        }
        let outcome = match registries.client(ClientProtocol::Http) {
            Ok(client) => request(client).await,
            Err(error) => Err(error),
        };
        let outcome = outcome.map_err(|error| classify(&error).fault);
        let unreachable = |fault: &Fault| {
            matches!(
                fault.kind,
                ErrorKind::Connect | ErrorKind::Dns | ErrorKind::Timeout | ErrorKind::Tls
            )
        };
        let mut plain = registries.plain.lock();
        if outcome.as_ref().err().is_some_and(unreachable) {
            // Whatever answers there next time may speak TLS.
            plain.remove(self.reference.registry());
        } else {
            plain.insert(self.reference.registry().to_owned());
        }
        outcome
    }
}

fn mismatch(wanted: Digest, bytes: &[u8]) -> Fault {
    Fault::new(
        ErrorKind::DigestMismatch,
        format!("wanted {wanted}, received {}", Digest::of(bytes)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_split_into_its_certificates() {
        let one = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        let bundle = format!("# first\n{one}\n\n# second\n{one}\ntrailing text");
        assert_eq!(split_pem(bundle.as_bytes()).len(), 2);
        assert!(split_pem(b"no certificate").is_empty());
    }
}
