//! Laws over random streams: whatever is lost, doubled or swapped on the way, the replica never shows what the server
//! did not have, never goes back in time, and a connection without faults brings it to the server's state.

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 5] = ["a", "b.c", "b_d", "e", "f"];

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// The server commits a change of these flags (none: the flag goes).
    Commit(Vec<(usize, Option<u8>)>),
    /// The store is restored from a backup of so many revisions ago, under a new epoch.
    Restore(usize),
    /// The next frame is delivered, after a fault.
    Deliver(Fault),
    /// A snapshot out of turn.
    Snapshot,
    /// A heartbeat.
    Heartbeat,
    /// The server ends the stream politely.
    Goodbye,
    /// The stream breaks and a new one begins.
    Reconnect,
    /// Bytes that are no frame.
    Garbage,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Drop,
    Double,
    Swap,
    Corrupt,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..KEYS.len(), proptest::option::weighted(0.8, 0_u8..3));
    let fault = prop_oneof![
        8 => Just(Fault::None),
        1 => Just(Fault::Drop),
        1 => Just(Fault::Double),
        1 => Just(Fault::Swap),
        1 => Just(Fault::Corrupt),
    ];
    let step = prop_oneof![
        8 => proptest::collection::vec(change, 1..4).prop_map(Step::Commit),
        1 => (0_usize..6).prop_map(Step::Restore),
        12 => fault.prop_map(Step::Deliver),
        1 => Just(Step::Snapshot),
        2 => Just(Step::Heartbeat),
        1 => Just(Step::Goodbye),
        3 => Just(Step::Reconnect),
        1 => Just(Step::Garbage),
    ];
    proptest::collection::vec(step, 1..80)
}

/// A server with its whole history, and the stream to one replica.
struct World {
    /// The states of each epoch, by revision minus one.
    epochs: Vec<Vec<Flags>>,
    stage: Stage,
    /// What was sent and has not arrived.
    wire: Vec<Body>,
    /// The revision that the server believes the replica to hold; 0 for none.
    cursor: usize,
    /// The epoch that the stream belongs to; none while there is no stream.
    stream: Option<usize>,
    seen: Option<(usize, u64)>,
}

impl World {
    fn new() -> Self {
        Self {
            epochs: vec![vec![Flags::new()]],
            stage: Stage::new(),
            wire: Vec::new(),
            cursor: 0,
            stream: None,
            seen: None,
        }
    }

    fn name(epoch: usize) -> String {
        format!("epoch-{epoch}")
    }

    fn newest(&self) -> (usize, u64, &Flags) {
        let epoch = self.epochs.len() - 1;
        let history = &self.epochs[epoch];
        (epoch, u64::try_from(history.len()).unwrap(), &history[history.len() - 1])
    }

    fn whole(&self) -> Body {
        let (epoch, revision, flags) = self.newest();
        snapshot(&Self::name(epoch), revision, flags)
    }

    /// Begins a stream as a server does: nothing, deltas or a snapshot, by what is known.
    fn connect(&mut self) {
        self.wire.clear();
        let known = self.stage.0.known();
        let (epoch, revision, flags) = self.newest();
        let current = *known.epoch == Self::name(epoch);
        let up_to_date = current
            && known.revision <= revision
            && known.digest == flags_digest(flags.values()).to_bytes()[..];
        let at = usize::try_from(known.revision).unwrap();
        let history = &self.epochs[epoch];
        let follows = current
            && (1..=history.len()).contains(&at)
            && known.digest == flags_digest(history[at - 1].values()).to_bytes()[..];
        let name = Self::name(epoch);
        let greeting = match up_to_date {
            true => welcome_back(&name, revision, flags),
            false => welcome(&name, revision),
        };
        self.cursor = match (up_to_date, follows) {
            (true, _) => history.len(),
            (false, true) => at,
            (false, false) => 0,
        };
        self.stream = Some(epoch);
        self.wire.push(greeting);
        self.send();
    }

    /// Sends what the server believes to be missing.
    fn send(&mut self) {
        let Some(epoch) = self.stream else { return };
        if self.cursor == 0 {
            self.wire.push(self.whole());
            self.cursor = self.epochs[epoch].len();
        }
        let history = &self.epochs[epoch];
        for pair in history[self.cursor - 1..].windows(2) {
            let at = u64::try_from(self.cursor).unwrap();
            self.wire.push(delta(at, at + 1, &pair[0], &pair[1]));
            self.cursor += 1;
        }
    }

    fn take(&mut self, event: Event) {
        let actions = self.stage.0.on(event);
        if actions.iter().any(|action| matches!(action, Action::Resubscribe(_))) {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.stream = None;
        self.wire.clear();
        self.stage.0.on(Event::Ended);
    }

    fn deliver(&mut self, fault: Fault) {
        if self.wire.is_empty() {
            return;
        }
        if matches!(fault, Fault::Swap) && self.wire.len() > 1 {
            self.wire.swap(0, 1);
        }
        let mut body = self.wire.remove(0);
        match fault {
            Fault::Drop => return,
            Fault::Corrupt => corrupt(&mut body),
            Fault::None | Fault::Double | Fault::Swap => {}
        }
        let again = matches!(fault, Fault::Double).then(|| body.clone());
        for body in [Some(body), again].into_iter().flatten() {
            if self.stream.is_some() {
                self.take(Event::Frame(Frame::from(body)));
            }
        }
    }

    fn commit(&mut self, changes: Vec<(usize, Option<u8>)>) {
        let mut flags = self.newest().2.clone();
        for (key, salt) in changes {
            match salt {
                Some(salt) => flags.insert(KEYS[key], flag(KEYS[key], salt)),
                None => flags.remove(KEYS[key]),
            };
        }
        self.epochs.last_mut().unwrap().push(flags);
        self.send();
    }

    fn restore(&mut self, back: usize) {
        let history = self.epochs.last().unwrap();
        let kept = history.len().saturating_sub(back).max(1);
        let restored = history[..kept].to_vec();
        self.epochs.push(restored);
        self.lose();
    }

    fn step(&mut self, step: Step) {
        let connected = self.stream.is_some();
        match step {
            Step::Commit(changes) => self.commit(changes),
            Step::Restore(back) => self.restore(back),
            Step::Deliver(fault) => self.deliver(fault),
            Step::Reconnect => {
                self.lose();
                self.connect();
            }
            Step::Snapshot if connected => self.wire.push(self.whole()),
            Step::Heartbeat if connected => {
                let (_, revision, flags) = self.newest();
                let beat = heartbeat(revision, flags);
                self.wire.push(beat);
            }
            Step::Goodbye if connected => {
                self.take(Event::Frame(Frame::from(Body::Goodbye(Goodbye::default()))));
                self.lose();
            }
            Step::Garbage if connected => self.take(Event::Undecodable("garbage".to_owned())),
            Step::Snapshot | Step::Heartbeat | Step::Goodbye | Step::Garbage => {}
        }
        self.check();
    }

    /// What is shown is what the server had, and never older than before.
    fn check(&mut self) {
        let Some(held) = &self.stage.0.held else { return };
        let epoch: usize = held.lineage.epoch.strip_prefix("epoch-").unwrap().parse().unwrap();
        let revision = held.revision().get();
        let had = &self.epochs[epoch][usize::try_from(revision).unwrap() - 1];
        let entry = |key: &str| EntryKey::Flag(FoldedKey::of(key));
        let mut expected: Vec<(EntryKey, &Bytes)> = had.iter().map(|(key, raw)| (entry(key), raw)).collect();
        expected.sort();
        let members = held.view.members();
        let shown: Vec<_> = members.map(|member| (member.key.clone(), &member.content.raw)).collect();
        assert_eq!(shown, expected);
        assert_eq!(held.set.len(), had.len());
        for key in had.keys() {
            let slot = held.set.get(key).unwrap();
            let compared = held.view.member(&entry(key)).unwrap();
            assert!(
                Arc::ptr_eq(slot, compared.content.slot().unwrap()),
                "what is evaluated is what is compared"
            );
        }
        let now = (epoch, revision);
        assert!(self.seen.is_none_or(|seen| seen <= now), "{:?} after {now:?}", self.seen);
        self.seen = Some(now);
    }

    /// Connections without faults, as many as a replica may need: one, and another when it distrusts the first.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.lose();
            self.connect();
            while !self.wire.is_empty() {
                self.deliver(Fault::None);
                self.check();
            }
        }
        let (epoch, revision, flags) = self.newest();
        let confirmed = heartbeat(revision, flags);
        let held = self.stage.0.held.as_ref().unwrap();
        assert_eq!(*held.lineage.epoch, *Self::name(epoch));
        assert_eq!(held.revision().get(), revision);
        assert_eq!(held.view.digest(), flags_digest(flags.values()));
        assert_eq!(self.stage.take(confirmed), "live");
    }
}

/// Changes something that the digest covers, or the digest.
fn corrupt(body: &mut Body) {
    let spoil = |flags: &mut Vec<Bytes>, digest: &mut Bytes| match flags.first_mut() {
        Some(first) => *first = flag("spoilt", 9),
        None => *digest = Bytes::from_static(&[7; 16]),
    };
    match body {
        Body::Snapshot(snapshot) => spoil(&mut snapshot.flags, &mut snapshot.digest),
        Body::Delta(delta) => spoil(&mut delta.flags, &mut delta.digest),
        Body::Heartbeat(heartbeat) => heartbeat.digest = Bytes::from_static(&[7; 16]),
        Body::Welcome(_) | Body::Goodbye(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_replica_shows_what_the_server_had_never_goes_back_and_converges(steps in steps()) {
        let mut world = World::new();
        world.connect();
        for step in steps {
            world.step(step);
        }
        world.settle();
    }
}
