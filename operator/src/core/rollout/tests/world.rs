//! Plans carried out in a simulated world: ReplicaSets resize when they get to it, replicas start, fail and stop
//! when they like, users scale, pause and change the template, and the operator may end after any write.

use super::super::{Bounds, Set, Step, plan};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    /// The operator looks, and gets as far as so many writes.
    Look(usize),
    /// A ReplicaSet creates and deletes what its size asks for.
    Resize(usize),
    /// A replica becomes available.
    Available(usize),
    /// A replica is not available any more.
    Fails(usize),
    /// A stopped replica is gone.
    Gone(usize),
    Count(usize),
    Template(usize),
    Pause(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_usize..4).prop_map(Act::Look),
        4 => (0_usize..4).prop_map(Act::Resize),
        4 => (0_usize..4).prop_map(Act::Available),
        1 => (0_usize..4).prop_map(Act::Fails),
        2 => (0_usize..4).prop_map(Act::Gone),
        1 => (0_usize..12).prop_map(Act::Count),
        1 => (0_usize..4).prop_map(Act::Template),
        1 => any::<bool>().prop_map(Act::Pause),
    ]
}

struct World {
    bounds: Bounds,
    sets: Vec<Set>,
    template: usize,
}

impl World {
    /// Sets are named by their template; `None` where it has none.
    fn pick(&mut self, any: usize) -> Option<&mut Set> {
        let count = self.sets.len();
        (count > 0).then(|| &mut self.sets[any % count])
    }

    fn look(&mut self, writes: usize) {
        let name = self.template.to_string();
        for set in &mut self.sets {
            set.matches = set.name == name;
        }
        let plan = plan(&self.bounds, &self.sets);
        for step in plan.steps.iter().take(writes) {
            match step {
                Step::Create { replicas } => {
                    assert!(self.sets.iter().all(|s| s.name != name), "created twice");
                    self.sets.push(Set {
                        name: name.clone(),
                        uid: format!("uid-{name}"),
                        matches: true,
                        replicas: *replicas,
                        sized_for: Some(self.bounds.desired),
                        revision: plan.revision,
                        created: i64::try_from(self.sets.len()).unwrap(),
                        ..Set::default()
                    });
                }
                Step::Scale { name, replicas, .. } => {
                    let set = self.sets.iter_mut().find(|s| s.name == *name).unwrap();
                    set.replicas = *replicas;
                    set.sized_for = Some(self.bounds.desired);
                }
                Step::Delete { name, .. } => {
                    let set = self.sets.iter().find(|s| s.name == *name).unwrap();
                    assert_eq!(set.existing, 0, "only empty ones are forgotten");
                    self.sets.retain(|s| s.name != *name);
                }
            }
        }
        if let Some(set) = self.sets.iter_mut().find(|s| s.matches) {
            set.revision = set.revision.max(plan.revision);
        }
    }

    fn resize(set: &mut Set) {
        set.existing += set.replicas.saturating_sub(set.alive);
        set.alive = set.replicas;
        set.available = set.available.min(set.alive);
    }

    fn take(&mut self, act: &Act) {
        match *act {
            Act::Look(writes) => self.look(writes),
            Act::Count(count) => self.bounds.desired = count,
            Act::Template(template) => self.template = template,
            Act::Pause(paused) => self.bounds.paused = paused,
            Act::Resize(any) => {
                if let Some(set) = self.pick(any) {
                    Self::resize(set);
                }
            }
            Act::Available(any) => {
                if let Some(set) = self.pick(any)
                    && set.available < set.alive
                {
                    set.available += 1;
                }
            }
            Act::Fails(any) => {
                if let Some(set) = self.pick(any) {
                    set.available = set.available.saturating_sub(1);
                }
            }
            Act::Gone(any) => {
                if let Some(set) = self.pick(any)
                    && set.existing > set.alive
                {
                    set.existing -= 1;
                }
            }
        }
    }

    fn kept(&self) -> usize {
        self.sets.iter().map(Set::kept).sum()
    }

    fn claimed(&self) -> usize {
        self.sets.iter().map(Set::claimed).sum()
    }

    /// Everything that is on its way arrives.
    fn settle(&mut self) {
        for set in &mut self.sets {
            Self::resize(set);
            set.available = set.alive;
            set.existing = set.alive;
        }
    }
}

fn world(surge: usize, unavailable: usize, recreate: bool) -> World {
    World {
        bounds: Bounds {
            desired: 4,
            surge,
            unavailable: if surge == 0 {
                unavailable.max(1)
            } else {
                unavailable
            },
            recreate,
            paused: false,
            history: 2,
        },
        sets: Vec::new(),
        template: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, no look gives up availability that is needed or takes more room than
    /// there is, and once things calm down the rollout ends with the history within its limit.
    #[test]
    fn every_rollout_keeps_its_bounds_and_ends(
        surge in 0_usize..4,
        unavailable in 0_usize..3,
        acts in proptest::collection::vec(act(), 0..60),
    ) {
        let mut world = world(surge, unavailable, false);
        for act in &acts {
            let (kept, claimed) = (world.kept(), world.claimed());
            world.take(act);
            if matches!(act, Act::Look(_)) {
                prop_assert!(world.kept() >= kept.min(world.bounds.least()), "{act:?}: {:?}", world.sets);
                prop_assert!(world.claimed() <= claimed.max(world.bounds.most()), "{act:?}: {:?}", world.sets);
            } else {
                prop_assert!(world.claimed() <= claimed);
            }
        }
        world.bounds.paused = false;
        for _ in 0..60 {
            world.look(usize::MAX);
            world.settle();
        }
        world.look(usize::MAX);
        let end = plan(&world.bounds, &world.sets);
        prop_assert!(end.complete && end.steps.is_empty(), "{end:?} {:?}", world.sets);
        prop_assert_eq!(world.claimed(), world.bounds.desired);
        prop_assert!(world.sets.len() <= 1 + world.bounds.history);
    }

    /// A template never has a replica while one of another template is left.
    #[test]
    fn recreate_never_runs_two_templates(acts in proptest::collection::vec(act(), 0..60)) {
        let mut world = world(1, 0, true);
        for act in &acts {
            world.take(act);
            let running = world.sets.iter().filter(|s| s.existing > 0).count();
            prop_assert!(running <= 1, "{act:?}: {:?}", world.sets);
        }
        world.bounds.paused = false;
        for _ in 0..10 {
            world.look(usize::MAX);
            world.settle();
        }
        prop_assert_eq!(world.claimed(), world.bounds.desired);
    }

    /// Scaled during a rollout, paused or not, the sizes sum up to what there may be, at once and after a crash.
    #[test]
    fn shares_are_exact(
        sizes in proptest::collection::vec((1_usize..9, 0_usize..9), 2..5),
        desired in 1_usize..20,
        paused: bool,
        writes in 0_usize..5,
    ) {
        let mut world = world(2, 0, false);
        world.bounds.desired = desired;
        world.bounds.paused = paused;
        world.template = sizes.len() - 1;
        world.sets = sizes
            .iter()
            .enumerate()
            .map(|(i, (replicas, available))| Set {
                name: i.to_string(), uid: format!("uid-{i}"), replicas: *replicas,
                available: *available.min(replicas), alive: *replicas, existing: *replicas,
                sized_for: Some(desired + 1), revision: u32::try_from(i).unwrap() + 1,
                created: i64::try_from(i).unwrap(), ..Set::default()
            })
            .collect();
        let newest = world.sets.last().unwrap();
        prop_assume!(newest.replicas != desired || newest.available < desired);
        world.look(writes);
        world.look(usize::MAX);
        let sized = world.sets.iter().all(|s| s.replicas == 0 || s.sized_for == Some(desired));
        prop_assert!(sized, "{:?}", world.sets);
        let total: usize = world.sets.iter().map(|s| s.replicas).sum();
        if writes == 0 {
            prop_assert_eq!(total, world.bounds.most(), "{:?}", &world.sets);
        } else {
            prop_assert!(total <= world.bounds.most(), "{:?}", &world.sets);
        }
    }
}
