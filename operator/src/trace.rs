//! The trace of the work under way. Each reconcile is one; what it makes hosts do carries its id.

use protocol::bus::TraceContext;
use std::future::Future;

tokio::task_local! {
    static TRACE: TraceContext;
}

/// Does work as part of a trace.
pub async fn within<F: Future>(trace: TraceContext, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// What to send along with a command: a part of the trace under way, or of one that begins here.
pub fn onward() -> TraceContext {
    TRACE
        .try_with(TraceContext::child)
        .unwrap_or_else(|_| TraceContext::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Fleet, HostClient};
    use crate::core::liveness::Policy;
    use futures::StreamExt;
    use protocol::bus::memory::MemoryBus;
    use protocol::bus::{Bus, respond};
    use std::sync::Arc;

    #[tokio::test]
    async fn w23_a_command_carries_the_trace_of_the_reconcile_that_sent_it() {
        let bus = MemoryBus::new();
        let mut commands = bus.subscribe("runtime.host.h.>").await.unwrap();
        let client = HostClient::new(bus.clone(), Arc::new(Fleet::new(Policy::default())));
        let trace = TraceContext::new();
        let (_, seen) = tokio::join!(within(trace, client.status("h", "w")), async {
            let command = commands.next().await.unwrap();
            respond(&*bus, &command, "{}".into()).await.unwrap();
            command.headers.trace()
        });
        let seen = seen.unwrap();
        assert_eq!(seen.id(), trace.id());
        assert_ne!(seen, trace, "it is a part of its own");
        assert_ne!(
            onward().id(),
            onward().id(),
            "outside of one, each is its own"
        );
    }
}
