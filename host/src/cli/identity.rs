//! Who the host is.

use std::{collections::BTreeMap, sync::OnceLock, time::SystemTime};

use super::{FlagError, values::label};
use crate::agent::HostIdentity;

#[derive(clap::Args)]
#[command(next_help_heading = "Identity")]
pub(super) struct IdentityArgs {
    /// Name of the host, stable over restarts: a process with the same name takes the place of the one
    /// before [default: the machine's name and a random suffix].
    #[arg(long, value_name = "NAME", env = "WASMCLOUD_HOST_NAME")]
    name: Option<String>,
    /// Host group, which becomes the label `hostgroup`.
    #[arg(long, value_name = "NAME", default_value = "default")]
    host_group: String,
    /// Address or name under which others reach this host's HTTP port [default: the machine's name].
    #[arg(long, value_name = "NAME")]
    host_name: Option<String>,
    /// Environment: workloads that ask for one only run where it matches.
    #[arg(
        long,
        value_name = "NAME",
        env = "WASMCLOUD_HOST_ENVIRONMENT",
        default_value = "",
        hide_default_value = true
    )]
    environment: String,
    /// A further label; several are possible.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    #[arg(skip)]
    generated: OnceLock<String>,
}

impl IdentityArgs {
    /// The host's name, the same at each call.
    pub(super) fn name(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self.generated.get_or_init(|| {
                let suffix: u32 = rand::random_range(0..0x1_0000);
                format!("{}-{suffix:04x}", label_of(&machine()))
            }),
        }
    }

    pub(super) fn identity(&self) -> Result<HostIdentity, FlagError> {
        if !is_dns_label(self.name()) {
            let problem = format!(
                "{:?} must be 1 to 63 lower-case letters, digits and inner hyphens",
                self.name()
            );
            return Err(FlagError::new("--name", problem));
        }
        let group = label(&format!("hostgroup={}", self.host_group))
            .map_err(|e| FlagError::new("--host-group", e))?;
        let mut labels = BTreeMap::from([group]);
        for (key, value) in &self.labels {
            if let Some(before) = labels.insert(key.clone(), value.clone())
                && before != *value
            {
                let problem = format!("{key:?} has two values, {before:?} and {value:?}");
                return Err(FlagError::new("--label", problem));
            }
        }
        Ok(HostIdentity {
            id: uuid::Uuid::new_v4().to_string(),
            name: self.name().to_owned(),
            hostname: self.host_name.clone().unwrap_or_else(machine),
            environment: self.environment.clone(),
            labels,
            started: SystemTime::now(),
        })
    }
}

/// A DNS label close to `text`, with room for a suffix.
fn label_of(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(50)
        .collect();
    match plain.trim_matches('-') {
        "" => "host".to_owned(),
        label => label.to_owned(),
    }
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn machine() -> String {
    sysinfo::System::host_name().unwrap_or_else(|| "localhost".to_owned())
}
