//! How registries are asked: flags that several commands share.

use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use oci::{Credentials, ErrorKind, ImageError, Images, ImagesOptions, LocalStore, Reference};

use crate::failure::Failure;

/// How a registry is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registry")]
pub struct RegistryArgs {
    /// Allow plain HTTP for this image's registry (on this machine it always is).
    #[arg(long)]
    pub insecure: bool,
    /// User name; without one, docker's configuration and credential helpers are asked.
    #[arg(short, long, value_name = "NAME", env = "WASH_REGISTRY_USER")]
    pub user: Option<String>,
    /// Password or access token; on the command line other users of the machine can see it.
    #[arg(
        short,
        long,
        value_name = "PASSWORD",
        env = "WASH_REGISTRY_PASSWORD",
        hide_env_values = true,
        requires = "user",
        conflicts_with = "password_stdin"
    )]
    pub password: Option<String>,
    /// Read the password from standard input.
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// Certificate authorities to trust beside the system's (PEM); several separated by commas.
    #[arg(
        long,
        value_name = "FILE",
        env = "WASH_OCI_CA_PATHS",
        value_delimiter = ','
    )]
    pub ca_path: Vec<PathBuf>,
}

impl RegistryArgs {
    /// The puller and pusher for one image.
    pub fn images(&self, store: LocalStore, reference: &Reference) -> Result<Images, Failure> {
        let insecure_registries = if self.insecure {
            vec![reference.registry().to_owned()]
        } else {
            Vec::new()
        };
        let options = ImagesOptions {
            insecure_registries,
            ca_files: self.ca_path.clone(),
            ..ImagesOptions::default()
        };
        Images::new(store, options)
            .map_err(|error| Failure::new("cannot use --ca-path").because(error))
    }

    /// The credentials given, if any.
    pub fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let Some(user) = &self.user else {
            return Ok(None);
        };
        let password = match (&self.password, self.password_stdin) {
            (Some(password), _) => password.clone(),
            (None, true) => read_password()?,
            (None, false) => {
                return Err(Failure::usage("--user needs a password")
                    .hint_at("give it with --password-stdin, or in WASH_REGISTRY_PASSWORD"));
            }
        };
        Ok(Some(Credentials::basic(user, password)))
    }
}

fn read_password() -> Result<String, Failure> {
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .map_err(|error| {
            Failure::new("cannot read the password from standard input").because(error)
        })?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::usage(
            "--password-stdin found nothing on standard input",
        ));
    }
    Ok(password.to_owned())
}

/// An image reference, as an argument.
pub fn reference(text: &str) -> Result<Reference, String> {
    text.parse()
        .map_err(|error: oci::ReferenceError| error.to_string())
}

/// What to try after a failed pull or push.
pub fn image_failure(error: &ImageError) -> Failure {
    let reference = error.reference();
    let registry = reference.registry();
    let failure = Failure::new(error.to_string());
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Credentials => {
            failure.hint_at(format!("log in with `docker login {registry}`, or give --user and --password-stdin"))
        }
        ErrorKind::NotFound => failure.hint_at("check the name and the tag; a registry may also hide what it does not let you see"),
        ErrorKind::Tls => failure.hint_at(format!(
            "if {registry} has its own certificate authority, name it with --ca-path; if it only speaks HTTP, use --insecure"
        )),
        ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout => {
            failure.hint_at(format!("is {registry} running, and reachable from here?"))
        }
        ErrorKind::NotAComponent => failure.hint_at("make a component with `wash build`"),
        _ => failure,
    }
}

/// Reads a file that should be a component.
pub fn read(path: &std::path::Path) -> Result<Bytes, Failure> {
    std::fs::read(path)
        .map(Bytes::from)
        .map_err(|error| Failure::new(format!("cannot read {}", path.display())).because(error))
}
