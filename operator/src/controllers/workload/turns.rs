//! Looks at Workloads that ask their hosts: each needs a turn, so that hosts that do not answer leave room for others.

use crate::controllers::Context;
use crate::watch::Key;
use crd_types::Workload;

/// A look at a Workload. At its end its turn is given back, and whoever is next is looked at.
pub(super) struct Look<'a> {
    context: &'a Context,
    key: &'a Key,
}

impl<'a> Look<'a> {
    pub fn begin(context: &'a Context, key: &'a Key) -> Self {
        Self { context, key }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let next = self.context.turns.lock().finish(self.key);
        for key in next {
            self.context.queues.workloads.add(key);
        }
    }
}

/// Whether the host may be asked now. If not, the Workload is looked at again when it may.
pub(super) fn taken(context: &Context, workload: &Workload, host: &str) -> bool {
    context.turns.lock().take(&Key::of(workload), host)
}
