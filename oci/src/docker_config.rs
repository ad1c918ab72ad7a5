//! Credentials that `docker login` and its relatives left: `config.json` with its credential helpers.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};

use crate::credentials::Credentials;

/// Why the docker configuration gave no answer. Never holds what a helper printed on its standard output.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file or an entry of it is malformed.
    #[error("{path} has no usable entry for {registry}: {problem}")]
    Entry {
        /// Which file.
        path: PathBuf,
        /// The registry looked for.
        registry: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A credential helper failed.
    #[error("credential helper for {registry} (named in {path}) failed: {problem}")]
    Helper {
        /// Which file.
        path: PathBuf,
        /// The registry looked for.
        registry: String,
        /// What is wrong.
        problem: String,
    },
}

/// The folder docker's tools use: `$DOCKER_CONFIG`, else `.docker` in the home folder.
pub fn default_directory() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")))
}

/// Credentials for `registry` from `config.json` in `directory`, asking its helper if it names one. No file and no
/// entry are `None`: the registry is then asked anonymously. Blocks while a helper runs.
pub fn find(directory: &Path, registry: &str) -> Result<Option<Credentials>, DockerConfigError> {
    let path = directory.join("config.json");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DockerConfigError::Read { path, source }),
    };
    let key = if registry == "docker.io" {
        "https://index.docker.io/v1/"
    } else {
        registry
    };
    let entry = |problem| DockerConfigError::Entry {
        path: path.clone(),
        registry: registry.to_owned(),
        problem,
    };
    let helper = |problem| DockerConfigError::Helper {
        path: path.clone(),
        registry: registry.to_owned(),
        problem,
    };
    match docker_credential::get_credential_from_reader(BufReader::new(file), key) {
        // What docker's own helpers send for "none stored".
        Ok(DockerCredential::UsernamePassword(user, password))
            if user.is_empty() && password.is_empty() =>
        {
            Ok(None)
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credentials::basic(user, password)))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::bearer(token))),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound,
        ) => Ok(None),
        Err(CredentialRetrievalError::ConfigReadError) => {
            Err(entry("the file is not valid JSON of docker's form"))
        }
        Err(CredentialRetrievalError::CredentialDecodingError) => {
            Err(entry("\"auth\" is not the base64 of user:password"))
        }
        Err(CredentialRetrievalError::CredentialMismatchError) => {
            Err(entry("\"auth\" contradicts \"username\" and \"password\""))
        }
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Ok(None)
        }
        Err(CredentialRetrievalError::HelperFailure {
            helper: name,
            stderr,
            ..
        }) => Err(helper(format!(
            "{name} exited with an error: {}",
            stderr.trim()
        ))),
        Err(CredentialRetrievalError::HelperCommunicationError) => Err(helper(
            "it could not be started; is docker-credential-<name> on PATH?".to_owned(),
        )),
        Err(CredentialRetrievalError::MalformedHelperResponse) => Err(helper(
            "its answer is not the JSON of a credential".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_config(json: &str, registry: &str) -> Result<Option<Credentials>, DockerConfigError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), json).unwrap();
        find(dir.path(), registry)
    }

    #[test]
    fn entries_are_found_by_registry() {
        // base64 of me:secret
        let json = r#"{"auths":{"ghcr.io":{"auth":"bWU6c2VjcmV0"},"https://index.docker.io/v1/":{"username":"hub","password":"p"}}}"#;
        assert_eq!(
            with_config(json, "ghcr.io").unwrap(),
            Some(Credentials::basic("me", "secret"))
        );
        assert_eq!(
            with_config(json, "docker.io").unwrap(),
            Some(Credentials::basic("hub", "p"))
        );
        assert_eq!(with_config(json, "quay.io").unwrap(), None);
    }

    #[test]
    fn a_machine_without_docker_is_anonymous() {
        assert_eq!(
            find(
                &tempfile::tempdir().unwrap().path().join("absent"),
                "ghcr.io"
            )
            .unwrap(),
            None
        );
    }

    #[test]
    fn faults_are_named_without_the_secret() {
        let malformed = with_config("{", "ghcr.io").unwrap_err().to_string();
        assert!(
            malformed.contains("config.json") && malformed.contains("not valid JSON"),
            "{malformed}"
        );
        // base64 of "hunter2", which has no colon
        let no_colon = with_config(
            r#"{"auths":{"ghcr.io":{"auth":"aHVudGVyMg=="}}}"#,
            "ghcr.io",
        )
        .unwrap_err()
        .to_string();
        assert!(
            no_colon.contains("\"auth\"") && !no_colon.contains("hunter2"),
            "{no_colon}"
        );
        let helper = with_config(r#"{"credHelpers":{"ghcr.io":"surely-absent"}}"#, "ghcr.io")
            .unwrap_err()
            .to_string();
        assert!(helper.contains("could not be started"), "{helper}");
    }
}
