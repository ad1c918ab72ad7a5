//! Single packages from a Debian archive, through a private apt root: the machine's own apt state
//! stays as it is, and no root rights are needed.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::error::{Error, Result};

/// An apt of our own in a folder.
pub struct Apt {
    shell: Shell,
    root: PathBuf,
}

/// Suites in which a Rust of some version may be found. The security archive of the oldest release
/// has the compiler that browsers are built with.
const SUITES: [&str; 4] = ["trixie-backports", "trixie", "testing", "sid"];
const SECURITY_SUITE: &str = "bookworm-security";

impl Apt {
    /// Reads the package lists of the archive that this machine's apt uses.
    pub fn open(root: &Path) -> Result<Self> {
        let shell = Shell::new()?;
        let listed = cmd!(shell, "apt-get indextargets --format $(REPO_URI)")
            .quiet()
            .read()?;
        let archive = listed
            .lines()
            .map(|line| line.trim_end_matches('/'))
            .find_map(|line| line.strip_suffix("/debian"))
            .ok_or_else(|| Error::new("this machine's apt reads no Debian archive"))?
            .to_owned();
        for folder in ["lists/partial", "cache/archives/partial", "parts", "debs"] {
            shell.create_dir(root.join(folder))?;
        }
        let keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
        let mut sources: Vec<String> = SUITES
            .iter()
            .map(|suite| format!("deb {keys} {archive}/debian {suite} main\n"))
            .collect();
        sources.push(format!(
            "deb {keys} {archive}/debian-security {SECURITY_SUITE} main\n"
        ));
        let dir = root.display();
        let config = format!(
            "Dir::State \"{dir}\"; Dir::State::Lists \"{dir}/lists\"; Dir::State::status \"{dir}/status\";\n\
             Dir::Cache \"{dir}/cache\"; Dir::Etc::SourceList \"{dir}/sources.list\";\n\
             Dir::Etc::SourceParts \"{dir}/parts\"; Dir::Etc::PreferencesParts \"{dir}/parts\";\n\
             APT::Sandbox::User \"\"; Acquire::Languages \"none\"; Acquire::Retries \"3\";\n\
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n"
        );
        shell.write_file(root.join("status"), "")?;
        shell.write_file(root.join("sources.list"), sources.concat())?;
        shell.write_file(root.join("apt.conf"), config)?;
        shell.set_var("APT_CONFIG", root.join("apt.conf"));
        shell.change_dir(root.join("debs"));
        // A suite that an archive lacks makes this fail, and leaves the others usable.
        cmd!(shell, "apt-get -qq update")
            .quiet()
            .ignore_status()
            .ignore_stderr()
            .run()?;
        Ok(Self {
            shell,
            root: root.to_owned(),
        })
    }

    /// Downloads the first version of `package` that `wanted` accepts, and unpacks it into `to`.
    pub fn unpack(&self, package: &str, wanted: impl Fn(&str) -> bool, to: &Path) -> Result<()> {
        let shell = &self.shell;
        let listed = cmd!(shell, "apt-cache madison {package}")
            .quiet()
            .ignore_stderr()
            .read()?;
        let version = versions(&listed)
            .find(|version| wanted(version))
            .ok_or_else(|| {
                Error(format!(
                    "no Debian suite has a fitting version of {package}"
                ))
            })?;
        let which = format!("{package}={version}");
        cmd!(shell, "apt-get -qq download {which}").quiet().run()?;
        let debs = self.root.join("debs");
        let prefix = format!("{package}_");
        for deb in shell.read_dir(&debs)? {
            let name = deb
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with(&prefix) {
                shell.create_dir(to)?;
                cmd!(shell, "dpkg-deb -x {deb} {to}").quiet().run()?;
                shell.remove_path(&deb)?;
                return Ok(());
            }
        }
        Err(Error(format!("apt-get downloaded no {package}")))
    }
}

/// The second column of `apt-cache madison`, in apt's order of preference.
fn versions(madison: &str) -> impl Iterator<Item = &str> {
    madison
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_versions_that_apt_lists() {
        let listed = "  rust-src | 1.95.0+dfsg1-1 | http://x sid/main\n  rust-src | 1.85.0+dfsg3-1 | http://x trixie/main\n";
        assert_eq!(
            versions(listed).collect::<Vec<_>>(),
            ["1.95.0+dfsg1-1", "1.85.0+dfsg3-1"]
        );
    }
}
