//! Who the host is.

use std::{collections::BTreeMap, sync::OnceLock};

use super::{FlagError, values::label};
use crate::run::HostIdentity;

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
    #[arg(long, value_name = "NAME", env = "WASMCLOUD_HOST_ENVIRONMENT", default_value = "", hide_default_value = true)]
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
                format!("{}-{suffix:04x}", machine())
            }),
        }
    }

    pub(super) fn identity(&self) -> Result<HostIdentity, FlagError> {
        if self.name().trim().is_empty() {
            return Err(FlagError::new("--name", "must not be empty"));
        }
        let group = label(&format!("hostgroup={}", self.host_group)).map_err(|e| FlagError::new("--host-group", e))?;
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
        })
    }
}

fn machine() -> String {
    sysinfo::System::host_name().unwrap_or_else(|| "localhost".to_owned())
}
