//! Who has a host's name. A restarted host comes back under its old name with another id, and so does somebody who
//! would like to be that host: whoever has the name keeps it for as long as he answers. Only where the cluster says so
//! itself, at the same port of the same Pod, the younger process is the successor without a question.

use jiff::Timestamp;

/// A host that is not lost.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Id.
    pub id: &'a str,
    /// Name.
    pub name: &'a str,
    /// Address and port where it takes requests, if it does.
    pub place: Option<(&'a str, i32)>,
    /// When it says that it started.
    pub started_at: Option<Timestamp>,
}

/// A heartbeat of an id that is not one of the holders.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// What it says of itself.
    pub host: Holder<'a>,
    /// A Pod is at its address.
    pub in_pod: bool,
    /// Its id was not heard before: of two that do not say which is older it is the younger.
    pub is_new: bool,
}

/// What becomes of a newcomer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in, and is the successor of these.
    Admitted(Vec<String>),
    /// Its successor is there.
    Outdated,
    /// This one has its name: it is asked whether it still lives.
    Contested(String),
}

/// Judges a newcomer.
pub fn judge<'a>(newcomer: &Newcomer<'a>, holders: impl Iterator<Item = Holder<'a>>) -> Verdict {
    let new = &newcomer.host;
    let mut replaced = Vec::new();
    let mut contested: Option<&str> = None;
    for holder in holders.filter(|holder| holder.id != new.id) {
        // Two processes cannot listen at one port of one address.
        let same_place = newcomer.in_pod && new.place.is_some() && new.place == holder.place;
        if same_place {
            let younger = holder.started_at < new.started_at
                || (newcomer.is_new && holder.started_at == new.started_at);
            if !younger {
                return Verdict::Outdated;
            }
            replaced.push(holder.id.to_owned());
        } else if holder.name == new.name {
            contested = Some(contested.map_or(holder.id, |held| held.min(holder.id)));
        }
    }
    match contested {
        Some(id) => Verdict::Contested(id.to_owned()),
        None => Verdict::Admitted(replaced),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host<'a>(id: &'a str, name: &'a str, started: i64) -> Holder<'a> {
        Holder {
            id,
            name,
            place: Some(("10.0.0.1", 80)),
            started_at: Timestamp::from_second(started).ok(),
        }
    }

    fn newcomer(host: Holder<'_>, in_pod: bool) -> Newcomer<'_> {
        Newcomer {
            host,
            in_pod,
            is_new: true,
        }
    }

    #[test]
    fn a_name_is_asked_for_and_not_taken_however_young_the_newcomer_is() {
        let held = [host("old", "n", 1)];
        for started in [0, 1, 1 << 40] {
            let new = newcomer(host("new", "n", started), false);
            let verdict = judge(&new, held.into_iter());
            assert_eq!(verdict, Verdict::Contested("old".into()));
        }
        let other = newcomer(host("new", "m", 9), false);
        let verdict = judge(&other, held.into_iter());
        assert_eq!(
            verdict,
            Verdict::Admitted(Vec::new()),
            "addresses say nothing outside a Pod"
        );
    }

    #[test]
    fn in_a_pod_the_younger_process_at_a_port_is_the_successor_whatever_its_name() {
        let held = [host("old", "a", 1)];
        let new = newcomer(host("new", "b", 2), true);
        let verdict = judge(&new, held.into_iter());
        assert_eq!(verdict, Verdict::Admitted(vec!["old".into()]));
        let late = newcomer(host("late", "b", 0), true);
        assert_eq!(judge(&late, held.into_iter()), Verdict::Outdated);
        let beside = Holder {
            place: Some(("10.0.0.1", 81)),
            ..host("beside", "b", 2)
        };
        let verdict = judge(&newcomer(beside, true), held.into_iter());
        assert_eq!(verdict, Verdict::Admitted(Vec::new()));
    }

    #[test]
    fn a_successor_in_its_pod_does_not_take_a_name_from_elsewhere() {
        let elsewhere = Holder {
            place: Some(("10.0.0.2", 80)),
            ..host("elsewhere", "n", 1)
        };
        let held = [host("old", "a", 1), elsewhere];
        let new = newcomer(host("new", "n", 2), true);
        let verdict = judge(&new, held.into_iter());
        assert_eq!(verdict, Verdict::Contested("elsewhere".into()));
    }

    #[test]
    fn one_that_does_not_listen_is_at_no_place() {
        let silent = |id| Holder {
            place: None,
            ..host(id, id, 1)
        };
        let new = newcomer(silent("new"), true);
        let verdict = judge(&new, [silent("old")].into_iter());
        assert_eq!(verdict, Verdict::Admitted(Vec::new()));
    }
}
