//! Tools from their projects' release archives.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::pins::Archive;

/// What was downloaded is not what was pinned.
#[derive(Debug)]
pub struct WrongChecksum {
    url: &'static str,
    found: String,
}

impl std::error::Error for WrongChecksum {}

impl std::fmt::Display for WrongChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} has the checksum {}, which is not the pinned one",
            self.url, self.found
        )
    }
}

/// Downloads `archive`, checks it, and leaves its binary at `made`.
pub fn unpack(archive: &Archive, work: &Path, made: &Path) -> Result<()> {
    let downloaded = work.join("archive.tar.gz");
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error"])
        .args(["--connect-timeout", "10", "--max-time", "600", "--output"])
        .arg(&downloaded)
        .arg(archive.url);
    succeed(&curl.output().context("cannot run curl")?, "curl")?;
    let found = format!("{:x}", Sha256::digest(std::fs::read(&downloaded)?));
    ensure!(
        found == archive.sha256,
        WrongChecksum {
            url: archive.url,
            found
        }
    );
    let unpacked = work.join("unpacked");
    std::fs::create_dir_all(&unpacked)?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf")
        .arg(&downloaded)
        .arg("-C")
        .arg(&unpacked)
        .arg(archive.member);
    succeed(&tar.output().context("cannot run tar")?, "tar")?;
    Ok(std::fs::rename(unpacked.join(archive.member), made)?)
}

fn succeed(output: &Output, what: &str) -> Result<()> {
    ensure!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release on this machine's disk.
    fn release(folder: &Path, sha256: Option<&'static str>) -> Archive {
        std::fs::create_dir_all(folder.join("tool-1")).unwrap();
        std::fs::write(folder.join("tool-1/tool"), "the tool").unwrap();
        let file = folder.join("release.tar.gz");
        let mut tar = Command::new("tar");
        tar.arg("-czf")
            .arg(&file)
            .arg("-C")
            .arg(folder)
            .arg("tool-1");
        succeed(&tar.output().unwrap(), "tar").unwrap();
        let right: &'static str =
            format!("{:x}", Sha256::digest(std::fs::read(&file).unwrap())).leak();
        let url: &'static str = format!("file://{}", file.display()).leak();
        Archive {
            os: "any",
            arch: "any",
            url,
            sha256: sha256.unwrap_or(right),
            member: "tool-1/tool",
        }
    }

    #[test]
    fn the_binary_of_the_pinned_archive_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        unpack(&release(folder.path(), None), folder.path(), &made).unwrap();
        assert_eq!(std::fs::read_to_string(made).unwrap(), "the tool");
    }

    #[test]
    fn another_archive_than_the_pinned_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        let error = unpack(&release(folder.path(), Some("00")), folder.path(), &made).unwrap_err();
        assert!(error.is::<WrongChecksum>(), "{error}");
        assert!(!made.exists());
    }
}
