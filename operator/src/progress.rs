//! How far an operator has come, for whoever asks whether it is ready.

use tokio::sync::watch;

/// A stage in the life of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Not at work yet.
    #[default]
    Starting,
    /// Another operator leads; this one would take over.
    StandingBy,
    /// It hears the hosts, has seen every object, and its controllers run.
    Working,
}

/// Where an operator tells its stage. Clones tell and show the same.
#[derive(Clone, Debug)]
pub struct Progress(watch::Sender<Stage>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::default()))
    }
}

impl Progress {
    /// The stage and its changes.
    pub fn watch(&self) -> watch::Receiver<Stage> {
        self.0.subscribe()
    }

    pub(crate) fn set(&self, stage: Stage) {
        self.0.send_replace(stage);
    }
}
