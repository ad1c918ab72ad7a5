//! The workloads a fake host has, and what it was told to do with them.

use std::collections::{BTreeMap, VecDeque};

use protocol::ext::{self, StartExtension, WorkloadReport};
use protocol::v2::{self, WorkloadStartRequest, WorkloadState, WorkloadStatus};
use protocol::{Reason, json};

use super::behaviour::{OnStart, OnStop};

/// A workload on a fake host.
#[derive(Debug, Clone)]
pub struct Held {
    /// The command.
    pub start: WorkloadStartRequest,
    /// What the extension said; empty from a base command.
    pub extension: StartExtension,
    /// How it does.
    pub state: WorkloadState,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// Words for people.
    pub message: String,
    /// Changes so far.
    pub sequence: u64,
}

/// What a fake host did, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// It was asked to start this workload and took it on.
    Started(String),
    /// This workload is gone because it was told to stop it.
    Stopped(String),
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) entries: BTreeMap<String, Held>,
    pub(super) log: Vec<Did>,
    pub(super) asked: usize,
    pub(super) probes: usize,
    pub(super) inventories: usize,
    pub(super) looks: usize,
    /// Starts that nothing was said to.
    pub(super) unanswered: VecDeque<(WorkloadStartRequest, StartExtension)>,
    pub(super) on_start: OnStart,
    pub(super) on_image: BTreeMap<String, OnStart>,
    pub(super) on_stop: OnStop,
}

/// What a start request meets.
pub(super) enum Taken {
    /// It is on the shelf, starting.
    New(OnStart),
    /// The id is taken; `same` by this very request.
    There { same: bool },
}

impl Shelf {
    pub(super) fn take(&mut self, start: WorkloadStartRequest, extension: StartExtension) -> Taken {
        self.asked += 1;
        if let Some(held) = self.entries.get(&start.workload_id) {
            let same = json::encode(&held.start) == json::encode(&start)
                && json::encode(&held.extension) == json::encode(&extension);
            return Taken::There { same };
        }
        let what = self.what_becomes_of(&start);
        if matches!(what, OnStart::Refused(..) | OnStart::Silent) {
            if matches!(what, OnStart::Silent) {
                self.unanswered.push_back((start, extension));
            }
            return Taken::New(what);
        }
        self.put(start, extension);
        Taken::New(what)
    }

    fn put(&mut self, start: WorkloadStartRequest, extension: StartExtension) {
        let id = start.workload_id.clone();
        self.log.push(Did::Started(id.clone()));
        self.entries.insert(
            id,
            Held {
                start,
                extension,
                state: WorkloadState::Starting,
                reason: None,
                message: "Workload is starting".into(),
                sequence: 0,
            },
        );
    }

    /// Takes on the oldest start that nothing was said to; `None` when there is none, or its id is taken by now.
    pub(super) fn take_late(&mut self) -> Option<String> {
        let (start, extension) = self.unanswered.pop_front()?;
        let id = start.workload_id.clone();
        if self.entries.contains_key(&id) {
            return None;
        }
        self.put(start, extension);
        Some(id)
    }

    fn what_becomes_of(&self, start: &WorkloadStartRequest) -> OnStart {
        let workload = start.workload.clone().unwrap_or_default();
        let components = workload.wit_world.map(|w| w.components).unwrap_or_default();
        let mut images = components
            .iter()
            .map(|c| &c.image)
            .chain(workload.service.iter().map(|s| &s.image));
        images
            .find_map(|image| self.on_image.get(image))
            .unwrap_or(&self.on_start)
            .clone()
    }

    /// Moves a workload on; `None` when it is not there, or when it is stopping, which only ends in its end.
    pub(super) fn enter(
        &mut self,
        id: &str,
        state: WorkloadState,
        reason: Option<Reason>,
        message: &str,
    ) -> Option<Held> {
        let held = self.entries.get_mut(id)?;
        if held.state == WorkloadState::Stopping {
            return None;
        }
        held.state = state;
        held.reason = reason;
        message.clone_into(&mut held.message);
        held.sequence += 1;
        Some(held.clone())
    }

    /// Takes a workload off; what is told of it is that it is not there.
    pub(super) fn end(&mut self, id: &str) -> Option<Held> {
        let mut held = self.entries.remove(id)?;
        self.log.push(Did::Stopped(id.to_owned()));
        held.state = WorkloadState::NotFound;
        held.reason = None;
        held.message = "Workload has stopped".into();
        held.sequence += 1;
        Some(held)
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Held> {
        let up = |held: &&Held| held.state == WorkloadState::Running;
        self.entries.values().filter(up)
    }

    pub(super) fn report(&self, id: &str) -> WorkloadReport {
        match self.entries.get(id) {
            Some(held) => report(id, held),
            None => said(id, WorkloadState::NotFound, "Workload not found", None),
        }
    }

    /// A page of what is here, by id.
    pub(super) fn page(&self, asked: &ext::InventoryRequest) -> ext::Inventory {
        let most = match asked.limit {
            0 => 500,
            limit => limit as usize,
        };
        let mut rest = self
            .entries
            .iter()
            .filter(|(id, _)| **id > asked.r#continue);
        let items: Vec<_> = rest
            .by_ref()
            .take(most)
            .map(|(id, h)| item(id, h))
            .collect();
        let last = items.last().filter(|_| rest.next().is_some());
        ext::Inventory {
            r#continue: last.map(|item| item.id.clone()).unwrap_or_default(),
            items,
        }
    }
}

fn item(id: &str, held: &Held) -> ext::InventoryItem {
    let workload = held.start.workload.clone().unwrap_or_default();
    ext::InventoryItem {
        id: id.into(),
        namespace: workload.namespace,
        name: workload.name,
        control_plane: held.extension.control_plane.clone(),
        revision: held.extension.revision.clone(),
        state: held.state.into(),
        ..ext::InventoryItem::default()
    }
}

pub(super) fn report(id: &str, held: &Held) -> WorkloadReport {
    WorkloadReport {
        sequence: held.sequence,
        ..said(id, held.state, &held.message, held.reason)
    }
}

/// A report that says only this.
pub(super) fn said(
    id: &str,
    state: v2::WorkloadState,
    message: &str,
    reason: Option<Reason>,
) -> WorkloadReport {
    WorkloadReport {
        status: Some(WorkloadStatus {
            workload_id: id.into(),
            workload_state: state.into(),
            message: message.into(),
        }),
        reason: reason.map(|r| r.as_str().to_owned()).unwrap_or_default(),
        ..WorkloadReport::default()
    }
}
