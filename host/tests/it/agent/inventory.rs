//! What a host says it has.

use host::agent::workloads::report;
use protocol::ext::{Inventory, InventoryRequest};
use protocol::subject::Command;
use protocol::v2::WorkloadState::Running as IsRunning;

use super::commands::extended;
use super::{NEVER, Running, on_both};

#[tokio::test]
async fn the_inventory_comes_in_pages() {
    on_both(async |host, operator| {
        let running = Running::start(host, operator, NEVER).await;
        let empty: Inventory = running
            .ask(Command::List, &InventoryRequest::default())
            .await;
        assert_eq!(empty, Inventory::default());
        for n in 0..5 {
            let request = extended(&format!("w-{n}"), &format!("cart-{n}"), "r1");
            running.ask_ext(Command::StartV1, &request).await;
        }
        running.workloads.becomes(report("w-3", IsRunning, "ready"));
        let mut request = InventoryRequest {
            limit: 2,
            ..InventoryRequest::default()
        };
        let (mut pages, mut items) = (Vec::new(), Vec::new());
        loop {
            let page: Inventory = running.ask(Command::List, &request).await;
            pages.push(page.items.len());
            items.extend(page.items);
            if page.r#continue.is_empty() {
                break;
            }
            request.r#continue = page.r#continue;
        }
        assert_eq!(pages, [2, 2, 1]);
        let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["w-0", "w-1", "w-2", "w-3", "w-4"]);
        let one = &items[3];
        assert_eq!(
            (one.namespace.as_str(), one.name.as_str()),
            ("shop", "cart-3")
        );
        assert_eq!(
            (one.control_plane.as_str(), one.revision.as_str()),
            ("cluster-a", "r1")
        );
        assert_eq!(one.state(), IsRunning);
    })
    .await;
}
