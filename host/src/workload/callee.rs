//! The called side of a call between components: an instance in a store of its own, on a task of its own.
//!
//! Two ways to run: for interfaces of plain values an instance per call, kept warm for the next call if the
//! component has a pool; for interfaces with resources one instance per *caller instance*, since a
//! resource lives where it was made. Whoever waits for a call holds a handle that stops it when dropped.

use super::{
    crossing::{Resources, each_resource},
    fault::Fault,
    runnable::Runnable,
    warm::{WarmInstances, WarmLimits},
};
use crate::engine::Permit;
use host_api::{Ctx, LimitBreach};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{
    Store,
    component::{ComponentExportIndex, Instance, ResourceAny, Val, types::Type},
};

/// A function of a component, ready to be called with dynamic values.
pub(super) struct Function {
    pub name: String,
    pub index: ComponentExportIndex,
    pub params: Vec<Type>,
    pub results: Vec<Type>,
}

/// A component as others call it.
pub(super) struct Callee {
    pub runnable: Arc<Runnable>,
    warm: Arc<WarmInstances>,
}

/// An instance and what it takes to use it again.
pub(super) struct Running {
    store: Store<Ctx>,
    instance: Instance,
    breach: LimitBreach,
    calls: u32,
}

/// What an instance holds while it runs: its own permit, or the share that its caller took for it.
pub(super) enum Hold {
    Own(Permit),
    Share(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit),
}

impl Callee {
    pub(super) fn new(runnable: Arc<Runnable>, limits: WarmLimits) -> Arc<Self> {
        Arc::new(Self {
            runnable,
            warm: WarmInstances::new(limits),
        })
    }

    /// Calls a function of plain values. Dropping the future stops the call.
    pub(super) async fn call(
        self: &Arc<Self>,
        function: Arc<Function>,
        args: Vec<Val>,
        hold: impl Future<Output = Result<Hold, Fault>> + Send,
    ) -> Result<Vec<Val>, Fault> {
        let (running, hold) = match self.warm.take() {
            Some((running, permit)) => (Some(running), Hold::Own(permit)),
            None => (None, hold.await?),
        };
        let this = self.clone();
        let task = self.runnable.engine.guests().spawn(async move {
            let mut running = match running {
                Some(running) => running,
                None => Running::start(&this.runnable).await?,
            };
            let results = running.call(&this.runnable, &function, args).await?;
            this.keep(running, hold);
            Ok(results)
        });
        self.joined(AbortOnDropHandle::new(task).await)
    }

    fn joined<T>(
        &self,
        result: Result<Result<T, Fault>, tokio::task::JoinError>,
    ) -> Result<T, Fault> {
        result.unwrap_or_else(|error| {
            Err(Fault::Host {
                component: self.runnable.name().to_owned(),
                message: error.to_string(),
            })
        })
    }

    fn keep(&self, mut running: Running, hold: Hold) {
        running.calls += 1;
        let worn_out = self
            .warm
            .limits
            .max_invocations
            .is_some_and(|max| running.calls >= max);
        if worn_out || !self.warm.has_room() {
            return;
        }
        // An instance that lives on must not hold what belongs to its caller.
        let permit = match hold {
            Hold::Own(permit) => permit,
            Hold::Share(_) => {
                match self
                    .runnable
                    .engine
                    .permits()
                    .try_acquire(self.runnable.weight)
                {
                    Some(permit) => permit,
                    None => return,
                }
            }
        };
        let (engine, weight) = (&self.runnable.engine, self.runnable.weight);
        self.warm
            .keep(running, permit, weight, engine.permits(), engine.guests());
    }

    /// Drops warm instances.
    pub(super) fn cool(&self) {
        self.warm.clear();
    }

    /// Starts an instance for one caller, which keeps its resources.
    pub(super) fn session(self: &Arc<Self>, resources: Resources, hold: Hold) -> Session {
        let (sender, receiver) = mpsc::unbounded_channel();
        let actor = Actor {
            callee: self.clone(),
            resources,
            handles: HashMap::new(),
            next: 0,
            _hold: hold,
        };
        let task = self.runnable.engine.guests().spawn(actor.run(receiver));
        Session {
            messages: sender,
            _task: Arc::new(AbortOnDropHandle::new(task)),
            component: self.runnable.name().into(),
        }
    }
}

impl Running {
    async fn start(runnable: &Runnable) -> Result<Self, Fault> {
        let breach = LimitBreach::default();
        let mut store = runnable.store(&breach)?;
        match runnable.pre.instantiate_async(&mut store).await {
            Ok(instance) => Ok(Self {
                store,
                instance,
                breach,
                calls: 0,
            }),
            Err(error) => Err(runnable.fault(&breach, &error)),
        }
    }

    async fn call(
        &mut self,
        runnable: &Runnable,
        function: &Function,
        args: Vec<Val>,
    ) -> Result<Vec<Val>, Fault> {
        self.try_call(function, args)
            .await
            .map_err(|error| runnable.fault(&self.breach, &error))
    }

    async fn try_call(
        &mut self,
        function: &Function,
        args: Vec<Val>,
    ) -> wasmtime::Result<Vec<Val>> {
        let func = self
            .instance
            .get_func(&mut self.store, function.index)
            .ok_or_else(|| wasmtime::format_err!("`{}` is not exported", function.name))?;
        let mut results = vec![Val::Bool(false); function.results.len()];
        func.call_async(&mut self.store, &args, &mut results)
            .await?;
        Ok(results)
    }
}

enum Message {
    Call {
        function: Arc<Function>,
        args: Vec<Val>,
        reply: oneshot::Sender<Result<Vec<Val>, Fault>>,
    },
    Drop(u32),
}

/// A caller's own instance of a component with resources. It ends with its last handle.
#[derive(Clone)]
pub(super) struct Session {
    messages: mpsc::UnboundedSender<Message>,
    _task: Arc<AbortOnDropHandle<()>>,
    component: Arc<str>,
}

impl Session {
    /// Calls a function; resources in `args` and the results are numbers.
    pub(super) async fn call(
        &self,
        function: Arc<Function>,
        args: Vec<Val>,
    ) -> Result<Vec<Val>, Fault> {
        let (reply, answer) = oneshot::channel();
        let gone = || Fault::Trap {
            component: self.component.to_string(),
            message: "the instance that holds the resources has ended after a fault".to_owned(),
        };
        self.messages
            .send(Message::Call {
                function,
                args,
                reply,
            })
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The caller dropped a resource: its owner drops it, at its next turn.
    pub(super) fn drop_resource(&self, number: u32) {
        // An instance that has ended took its resources with it.
        let _ = self.messages.send(Message::Drop(number));
    }
}

struct Actor {
    callee: Arc<Callee>,
    resources: Resources,
    handles: HashMap<u32, ResourceAny>,
    next: u32,
    _hold: Hold,
}

impl Actor {
    async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let runnable = self.callee.runnable.clone();
        let mut running = None;
        while let Some(message) = messages.recv().await {
            let running = match &mut running {
                Some(running) => running,
                slot => match Running::start(&runnable).await {
                    Ok(started) => slot.insert(started),
                    Err(fault) => {
                        if let Message::Call { reply, .. } = message {
                            let _ = reply.send(Err(fault));
                        }
                        return;
                    }
                },
            };
            match message {
                Message::Call {
                    function,
                    args,
                    reply,
                } => {
                    let result = self.call(&runnable, running, &function, args).await;
                    let faulty = result.is_err();
                    // The caller may have stopped waiting.
                    let _ = reply.send(result);
                    if faulty {
                        return;
                    }
                }
                Message::Drop(number) => {
                    if let Some(handle) = self.handles.remove(&number)
                        && let Err(error) = handle.resource_drop_async(&mut running.store).await
                    {
                        let fault = runnable.fault(&running.breach, &error);
                        tracing::debug!(%fault, "a resource's destructor failed");
                        return;
                    }
                }
            }
        }
    }

    async fn call(
        &mut self,
        runnable: &Runnable,
        running: &mut Running,
        function: &Function,
        mut args: Vec<Val>,
    ) -> Result<Vec<Val>, Fault> {
        let unknown = |message: &str| Fault::Host {
            component: runnable.name().to_owned(),
            message: message.to_owned(),
        };
        for (arg, ty) in args.iter_mut().zip(&function.params) {
            each_resource(arg, ty, &mut |place| {
                let Val::U32(number) = *place.value else {
                    return Err(unknown("a resource has no number"));
                };
                let handle = if place.owned {
                    self.handles.remove(&number)
                } else {
                    self.handles.get(&number).copied()
                };
                *place.value = Val::Resource(
                    handle.ok_or_else(|| unknown("a resource was passed that does not exist"))?,
                );
                Ok(())
            })?;
        }
        let mut results = running.call(runnable, function, args).await?;
        for (result, ty) in results.iter_mut().zip(&function.results) {
            each_resource(result, ty, &mut |place| {
                let Val::Resource(handle) = *place.value else {
                    return Err(unknown("a resource is missing in a result"));
                };
                if self.resources.is_empty() {
                    return Err(unknown("a resource of an unknown type was returned"));
                }
                let number = self.next;
                self.next = self.next.wrapping_add(1);
                self.handles.insert(number, handle);
                *place.value = Val::U32(number);
                Ok(())
            })?;
        }
        Ok(results)
    }
}
