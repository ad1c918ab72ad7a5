//! What a host says of its machine, from one heartbeat to the next.

use super::installation::Installation;
use crate::fixture::PATIENCE;
use crate::versions::Versions;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::wait::until;

/// Something that a host says of its machine.
struct Figure {
    sent: &'static str,
    said: Value,
    stored: &'static str,
    is: Value,
}

/// What the `n`th heartbeat says, as nobody else would.
fn figures(n: i64) -> Vec<Figure> {
    let same = |name: &'static str, value: Value| Figure {
        sent: name,
        said: value.clone(),
        stored: name,
        is: value,
    };
    // Protocol Buffers write 64 bits as text.
    let wide = |name: &'static str, value: i64| Figure {
        said: json!(value.to_string()),
        ..same(name, json!(value))
    };
    let cpu = 7.25 + n as f64;
    vec![
        same("version", json!(format!("2.7.{}", 31 + n))),
        same("osName", json!("plan9")),
        same("osArch", json!("riscv64")),
        same("osKernel", json!("hurd")),
        Figure {
            sent: "systemCpuUsage",
            said: json!(cpu),
            stored: "systemCPUUsage",
            is: json!(cpu.to_string()),
        },
        wide("systemMemoryTotal", 4_242_424_242),
        wide("systemMemoryFree", 1_000_000 + n),
        wide("componentCount", 40 + n),
        wide("workloadCount", 70 + n),
    ]
}

/// What a host said of its machine is in every version of its status, from one heartbeat to the next.
pub async fn w01_status_survives_heartbeats(world: &Installation) -> Result<()> {
    let hosts = world.api("Host");
    let versions = Versions::of(hosts.clone()).await?;
    let told = |status: &Value, n: i64| figures(n).iter().all(|f| status[f.stored] == f.is);
    for n in 0..10 {
        world
            .host
            .say(|beat| {
                for figure in figures(n) {
                    beat[figure.sent] = figure.said;
                }
                // What placement depends on is looked at with the heartbeat; figures alone wait for the next look.
                beat["labels"]["beat"] = json!(n.to_string());
            })
            .await;
        until(PATIENCE, "the heartbeat to be in the status", || async {
            let host = hosts.get("weak-lace-4731").await?;
            ensure!(told(&host.data["status"], n), "{}", host.data["status"]);
            anyhow::Ok(())
        })
        .await?;
    }
    let last = hosts.get("weak-lace-4731").await?;
    let seen = versions.up_to(&last).await?;
    let statuses: Vec<&Value> = seen.iter().map(|host| &host.data["status"]).collect();
    for n in 0..10 {
        ensure!(statuses.iter().any(|s| told(s, n)), "none of heartbeat {n}");
    }
    // Each is of one heartbeat, the recorded one or one of these, and complete.
    for status in statuses {
        let recorded = status["version"] == "2.7.0" && status["osKernel"] != "hurd";
        let whole = figures(0).iter().all(|f| !status[f.stored].is_null());
        let of_one = recorded || (0..10).any(|n| told(status, n));
        ensure!(whole && of_one, "{status}");
        let conditions = status["conditions"].as_array().map_or(0, Vec::len);
        ensure!(conditions > 0 && !status["lastSeen"].is_null(), "{status}");
    }
    Ok(())
}
