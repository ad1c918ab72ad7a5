//! What hosts reported of workloads by event: the latest of each, until a reconcile has looked at it.

use super::Report;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Latest reports by workload id.
#[derive(Debug, Default)]
pub struct Observed(Mutex<HashMap<String, (String, Report)>>);

impl Observed {
    /// A host said how a workload does.
    pub fn put(&self, workload: &str, host: &str, report: Report) {
        self.0
            .lock()
            .insert(workload.to_owned(), (host.to_owned(), report));
    }

    /// Takes the report of a workload if it came from this host. One of another host is dropped.
    pub fn take(&self, workload: &str, host: &str) -> Option<Report> {
        let (from, report) = self.0.lock().remove(workload)?;
        (from == host).then_some(report)
    }

    /// A workload that is gone.
    pub fn forget(&self, workload: &str) {
        self.0.lock().remove(workload);
    }
}
