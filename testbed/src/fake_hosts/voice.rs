//! What a fake host says of itself: the same fields as a host of the reference, and ours.

use protocol::{EXTENSION_LEVEL, ext, v2};

use super::wire::Wire;

impl Wire {
    pub(super) fn heartbeat(&self) -> v2::HostHeartbeat {
        let options = self.options.lock().clone();
        let (all, components) = {
            let shelf = self.shelf.lock();
            (shelf.entries.len(), shelf.running().count())
        };
        v2::HostHeartbeat {
            id: self.id.clone(),
            hostname: options.hostname,
            friendly_name: options.name,
            version: options.version,
            labels: options.labels,
            started_at: Some(protocol::time::timestamp(self.started)),
            os_name: "linux".into(),
            os_arch: "x86_64".into(),
            os_kernel: "unix".into(),
            system_cpu_usage: 11.5,
            system_memory_total: 16 << 30,
            system_memory_free: 8 << 30,
            component_count: components as u64,
            workload_count: all as u64,
            imports: options.offers,
            http_port: options.http_port,
            environment: options.environment,
            ..v2::HostHeartbeat::default()
        }
    }

    pub(super) fn announcement(&self, goodbye: bool) -> ext::HostAnnouncement {
        let options = self.options.lock().clone();
        let held = self.shelf.lock().entries.len() as u64;
        let says = options.instances > 0 || options.memory > 0;
        ext::HostAnnouncement {
            id: self.id.clone(),
            friendly_name: options.name,
            protocol: EXTENSION_LEVEL,
            capacity: says.then_some(ext::Capacity {
                instances: options.instances,
                memory: options.memory,
                ..ext::Capacity::default()
            }),
            allocated: says.then_some(ext::Capacity {
                instances: held,
                ..ext::Capacity::default()
            }),
            labels: options.labels,
            addresses: options.addresses,
            workload_ports: options.workload_ports,
            http_port: options.http_port,
            draining: options.draining || goodbye,
            goodbye,
            offers: options.offers,
            started_at: Some(protocol::time::timestamp(self.started)),
            environment: options.environment,
            ..ext::HostAnnouncement::default()
        }
    }
}
