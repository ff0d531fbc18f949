//! What a seed chooses: numbers, and changes that somebody asks for.

use mycelia_flags_core::change::{Change, CreateFlag, Place, SegmentShare, SetSegment, UpdateFlag};

pub(super) const SERVICES: [&str; 2] = ["ui", "runner"];
const SEGMENTS: [&str; 2] = ["beta", "staff"];
pub(super) const USERS: [&str; 4] = ["ana", "bo", "cy", "dan"];
const FLAGS: [&str; 4] = ["dreams", "whispers", "oracle.chat", "maya.voice"];

/// A small generator of its own, so that a history never depends on anything but its seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    /// What somebody may ask for; much of it is refused.
    pub(super) fn change(&mut self) -> Change {
        any_change(self)
    }

    fn flag(&mut self) -> String {
        FLAGS[self.below(FLAGS.len())].to_owned()
    }

    fn segment(&mut self) -> String {
        SEGMENTS[self.below(SEGMENTS.len())].to_owned()
    }
}

fn any_change(chance: &mut Chance) -> Change {
    let flag = chance.flag();
    let environment = if chance.below(5) == 0 { "staging" } else { "production" };
    let place = Place { environment: environment.to_owned(), flag: flag.clone() };
    match chance.below(14) {
        0 | 1 => Change::CreateFlag(CreateFlag::boolean(&flag)),
        2 => Change::DeleteFlag { flag, force: false },
        3 => Change::Enable(place),
        4 => Change::Disable(place),
        5 => {
            let services = match chance.below(3) {
                0 => Vec::new(),
                narrowed => vec![SERVICES[narrowed - 1].to_owned()],
            };
            Change::UpdateFlag(UpdateFlag { flag, services: Some(services), ..UpdateFlag::default() })
        }
        6 => {
            let percent = f64::from(u8::try_from(chance.below(101)).unwrap());
            Change::Rollout { place, percent, enable: true }
        }
        7 => Change::ArchiveFlag { flag, force: false },
        8 => Change::UnarchiveFlag { flag },
        9 => {
            let needed = (0..chance.below(3)).map(|_| (chance.flag(), vec!["on".to_owned()])).collect();
            Change::SetPrerequisites { place, prerequisites: needed }
        }
        10 => {
            let shares = (0..chance.below(3)).map(|_| (chance.segment(), 50.0)).collect();
            Change::SetMatrix { place, shares, rest: None, enable: true }
        }
        _ => audience_change(chance, environment),
    }
}

fn audience_change(chance: &mut Chance, environment: &str) -> Change {
    let environment = environment.to_owned();
    let segment = chance.segment();
    match chance.below(5) {
        0 => Change::SwitchCanary { environment, on: chance.below(2) == 0 },
        1 => Change::DeleteSegment { environment, segment },
        2 => {
            let share = SegmentShare { to_percent: 25.0, ..SegmentShare::default() };
            let share = Some(share).filter(|_| chance.below(2) == 0);
            Change::SetSegment(SetSegment { environment, segment, share, ..SetSegment::default() })
        }
        _ => {
            let list = match chance.below(3) {
                0 => "canary".to_owned(),
                1 => format!("segment/{segment}/included"),
                _ => format!("segment/{segment}/excluded"),
            };
            let at = chance.below(USERS.len());
            let (removed, added) = USERS.split_at(at);
            let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
            Change::EditList { environment, list, add: keys(added), remove: keys(removed) }
        }
    }
}
