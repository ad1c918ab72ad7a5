//! What hosts reported of workloads by event: the latest of each, until a reconcile has looked at it.

use super::Report;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};

/// Latest reports by workload id.
#[derive(Debug, Default)]
pub struct Observed {
    reports: Mutex<HashMap<String, (String, Report)>>,
    doubted: Mutex<HashSet<String>>,
}

impl Observed {
    /// A host said how a workload does.
    pub fn put(&self, workload: &str, host: &str, report: Report) {
        self.reports
            .lock()
            .insert(workload.to_owned(), (host.to_owned(), report));
    }

    /// Takes the report of a workload if it came from this host. One of another host is dropped.
    pub fn take(&self, workload: &str, host: &str) -> Option<Report> {
        let (from, report) = self.reports.lock().remove(workload)?;
        (from == host).then_some(report)
    }

    /// What was said of a workload is out of date: its host is to be asked.
    pub fn doubt(&self, workload: &str) {
        self.reports.lock().remove(workload);
        self.doubted.lock().insert(workload.to_owned());
    }

    /// Whether the host is to be asked; it will be.
    pub fn settle_doubt(&self, workload: &str) -> bool {
        self.doubted.lock().remove(workload)
    }

    /// A workload that is gone.
    pub fn forget(&self, workload: &str) {
        self.reports.lock().remove(workload);
        self.doubted.lock().remove(workload);
    }
}
