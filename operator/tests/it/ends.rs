//! Workloads that end otherwise than by being asked to: they crash, complete, are refused, or do not stop.

use crate::estate::{Estate, PATIENCE, ids};
use crate::fixture::tries_with_pauses;
use anyhow::{Result, ensure};
use crd_types::{ConditionStatus, Workload, condition};
use kube::ResourceExt;
use kube::api::DeleteParams;
use operator::Waits;
use protocol::Reason;
use protocol::v2::WorkloadState;
use serde_json::json;
use std::time::Duration;
use testbed::fake_hosts::{Did, HostOptions, OnStart, OnStop, Speaks};
use testbed::wait::{TEST, until, within};

fn ready(workload: &Workload) -> Option<(ConditionStatus, String)> {
    let found = condition::find(&workload.status.as_ref()?.conditions, "Ready")?;
    Some((found.status, found.reason.clone()))
}

fn restarts(workload: &Workload) -> i32 {
    let status = workload.status.as_ref();
    status.and_then(|s| s.restarts).unwrap_or_default()
}

/// Reason and message of the last error.
fn last_error(workload: &Workload) -> Option<(String, String)> {
    let error = workload.status.as_ref()?.last_error.as_ref()?;
    Some((error.reason.clone(), error.message.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_what_crashes_is_started_again_later_and_later_and_called_a_crash_loop() -> Result<()> {
    within(TEST, "a workload that crashes", async {
        let estate = Estate::new("crashes").await?;
        let _operator = estate.operate(estate.options()).await?;
        let host = estate.host(HostOptions::named("host")).await?;
        estate.create("fragile", json!({})).await?;
        let first = estate.workload_ready("fragile").await?;
        let uid = first.uid().unwrap();
        for (times, reason) in [(1, Reason::Trap), (2, Reason::Trap), (3, Reason::CrashLoop)] {
            let message = format!("wasm trap: unreachable, for the {times}. time");
            host.crash(&uid, Reason::Trap, &message).await;
            let told = estate
                .workload("fragile", "told of", |w| restarts(w) == times)
                .await?;
            let expected = (reason.as_str().to_owned(), message.clone());
            ensure!(last_error(&told) == Some(expected), "{:?}", told.status);
            let event = estate.event("fragile", reason.as_str()).await?;
            let note = event.note.unwrap_or_default();
            ensure!(note.contains("wasm trap: unreachable"), "{note}");
            let is_ready = |w: &Workload| {
                restarts(w) == times && ready(w).is_some_and(|r| r.0 == ConditionStatus::True)
            };
            let back = estate.workload("fragile", "back", is_ready).await?;
            ensure!(back.uid() == first.uid(), "it is the same object");
        }
        // The first start, and one after each crash.
        tries_with_pauses(&host).await?;
        ensure!(host.starts() == 4, "{} starts", host.starts());
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_completed_is_not_started_again() -> Result<()> {
    within(TEST, "a workload that completes", async {
        let estate = Estate::new("completes").await?;
        let _operator = estate.operate(estate.options()).await?;
        for (name, speaks) in [("ours", Speaks::Extension), ("theirs", Speaks::Base)] {
            let host = estate.host(HostOptions::named(name).speaks(speaks)).await?;
            let on_it = json!({"hostId": host.id});
            estate.create(name, on_it.clone()).await?;
            let witness = format!("witness-of-{name}");
            estate.create(&witness, on_it).await?;
            let uid = estate.workload_ready(name).await?.uid().unwrap();
            host.complete(&uid).await;
            let completed = (ConditionStatus::True, "Completed".to_owned());
            let is = |w: &Workload| ready(w).as_ref() == Some(&completed);
            let done = estate.workload(name, "Completed", is).await?;
            ensure!(
                restarts(&done) == 0 && last_error(&done).is_none(),
                "{:?}",
                done.status
            );
            estate.event(name, "Completed").await?;
            // Whoever finds that the witness is lost, twice, has looked at its neighbour as well.
            let other = estate.workload_ready(&witness).await?.uid().unwrap();
            for times in 1..3 {
                host.lose(&other);
                let back = |w: &Workload| {
                    restarts(w) == times && ready(w).is_some_and(|r| r.0 == ConditionStatus::True)
                };
                estate.workload(&witness, "back", back).await?;
            }
            let starts = host
                .log()
                .into_iter()
                .filter(|did| *did == Did::Started(uid.clone()));
            ensure!(starts.count() == 1, "{:?}", host.log());
            let held = host.held().into_iter().find(|(id, _)| *id == uid);
            ensure!(held.is_some_and(|(_, held)| held.state == WorkloadState::Completed));
            let now = estate.workloads().get(name).await?;
            ensure!(is(&now) && restarts(&now) == 0, "{:?}", now.status);
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_refuses_is_placed_on_another_however_busy() -> Result<()> {
    within(TEST, "a host that refuses", async {
        let estate = Estate::new("refuses").await?;
        let _operator = estate.operate(estate.options()).await?;
        for (number, speaks) in [Speaks::Extension, Speaks::Base].into_iter().enumerate() {
            let pair = format!("pair-{number}");
            let options = |name: &str| {
                let options = HostOptions::named(format!("{name}-{number}")).speaks(speaks);
                options.label("pair", &pair)
            };
            let refuses = estate.host(options("refuses")).await?;
            let message = "the host is full of other things";
            let refusal = OnStart::Refused(Reason::HostOverloaded, message.into());
            refuses.on_start(refusal);
            let name = format!("job-{number}");
            estate
                .create(&name, json!({"hostSelector": {"pair": pair}}))
                .await?;
            // Base hosts say nothing but the words.
            let reason = match speaks {
                Speaks::Extension => Reason::HostOverloaded,
                Speaks::Base => Reason::StartFailed,
            };
            let expected = (reason.as_str().to_owned(), message.to_owned());
            let told = |w: &Workload| last_error(w).as_ref() == Some(&expected);
            estate.workload(&name, "refused", told).await?;
            estate.event(&name, reason.as_str()).await?;
            ensure!(refuses.held().is_empty());

            // By load alone it would go to the first one again.
            let busy = estate.host(options("busy")).await?;
            for other in 0..3 {
                let there = json!({"hostId": busy.id});
                let filler = format!("filler-{number}-{other}");
                estate.create(&filler, there).await?;
                estate.workload_ready(&filler).await?;
            }
            let served = estate.workload_ready(&name).await?;
            let host = served.status.as_ref().and_then(|s| s.host_id.clone());
            ensure!(host.as_ref() == Some(&busy.id), "{:?}", served.status);
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_never_confirmed_holds_nothing_back_beyond_its_drain_and_a_deadline()
-> Result<()> {
    within(TEST, "a host that does not stop what it has", async {
        let estate = Estate::new("unstopped").await?;
        let mut options = estate.options();
        options.stop_patience = Duration::from_secs(1);
        options.waits = Waits {
            start: Duration::from_secs(5),
            stop: Duration::from_millis(200),
            answer: Duration::from_millis(200),
        };
        let _operator = estate.operate(options).await?;
        for (name, speaks) in [("ours", Speaks::Extension), ("theirs", Speaks::Base)] {
            let host = estate.host(HostOptions::named(name).speaks(speaks)).await?;
            let (short, long) = (format!("short-{name}"), format!("long-{name}"));
            // Both are deleted together; only one is given time to drain.
            for (workload, drain) in [(&short, 0), (&long, 3600)] {
                let spec = json!({"hostId": host.id, "drainSeconds": drain});
                estate.create(workload, spec).await?;
                estate.workload_ready(workload).await?;
            }
            host.on_stop(OnStop::Silent);
            let held = ids(&host);
            for workload in [&long, &short] {
                let now = DeleteParams::background();
                estate.workloads().delete(workload, &now).await?;
            }
            until(PATIENCE, "the finalizer to be taken off", || async {
                let found = estate.workloads().get_opt(&short).await?;
                ensure!(found.is_none(), "{:?}", found.map(|w| w.metadata));
                anyhow::Ok(())
            })
            .await?;
            ensure!(ids(&host) == held, "the host has stopped nothing");
            ensure!(estate.workloads().get_opt(&long).await?.is_some());

            // A host that comes to its senses stops the one that is still asked for and the one that nobody waits for.
            host.on_stop(OnStop::Stops);
            until(PATIENCE, "everything to be stopped", || async {
                ensure!(ids(&host).is_empty(), "{:?}", host.log());
                anyhow::Ok(())
            })
            .await?;
        }
        Ok(())
    })
    .await?
}
