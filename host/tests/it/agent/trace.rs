//! The trace of a command goes on at the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::bus::memory::MemoryBus;
use protocol::bus::{Headers, TraceContext};
use protocol::json;
use protocol::subject::{Command, host_command};
use testbed::wait::{TEST, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::commands::extended;
use super::{AT_ONCE, HOST, NEVER, Running};

/// Trace ids of the spans around what the workload room says, by workload id.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<BTreeMap<String, String>>>);

/// The field of this name, if there is one.
struct Named(&'static str, Option<String>);

impl Visit for Named {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == self.0 {
            self.1 = Some(format!("{value:?}"));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut found = Named("trace_id", None);
        attributes.record(&mut found);
        if let (Some(trace), Some(span)) = (found.1, context.span(id)) {
            span.extensions_mut().insert(trace);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "room" {
            return;
        }
        let mut workload = Named("workload", None);
        event.record(&mut workload);
        let span = context.event_span(event);
        let trace = span.and_then(|s| s.extensions().get::<String>().cloned());
        self.0
            .lock()
            .insert(workload.1.unwrap_or_default(), trace.unwrap_or_default());
    }
}

#[tokio::test]
async fn w23_what_a_command_makes_a_host_do_is_logged_under_its_trace() {
    let traces = Traces::default();
    let shown = tracing_subscriber::registry().with(traces.clone());
    // For the whole process: a subscriber of one thread may miss what another thread's calls have switched off.
    tracing::subscriber::set_global_default(shown).unwrap();
    let test = async {
        let bus = MemoryBus::new();
        let running = Running::start(bus.clone(), bus, NEVER).await;
        let trace = TraceContext::new();
        let subject = host_command(HOST, Command::StartV1).unwrap();
        for (id, headers) in [
            ("traced-1", Headers::new().with_trace(&trace)),
            ("traced-2", Headers::new()),
            ("traced-3", Headers::new().with("traceparent", "nonsense")),
        ] {
            let payload = json::encode(&extended(id, "cart", "r"));
            running
                .operator
                .request(&subject, headers, payload.into(), AT_ONCE)
                .await
                .unwrap();
        }
        trace.id().to_string()
    };
    let trace = within(TEST, "the starts", test).await.unwrap();
    let traces = traces.0.lock();
    let of = |id: &str| traces.get(id).map(String::as_str);
    assert_eq!(of("traced-1"), Some(trace.as_str()));
    assert_eq!((of("traced-2"), of("traced-3")), (Some(""), Some("")));
}
