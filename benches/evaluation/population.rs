//! The flags and the people that all contenders evaluate, told once, so that nobody evaluates something easier.

/// How a flag decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The same for everybody.
    Boolean,
    /// On for a quarter of the people.
    Rollout,
    /// On for so many named people, and for a quarter of all others.
    Allowlist(usize),
    /// Ten rules over ten attributes; only the last one matches anybody, and it matches every second person.
    TenRules,
}

/// Named people of the ordinary allowlists.
pub(crate) const ALLOWLIST: usize = 1_000;

/// Named people of the one long allowlist.
pub(crate) const LONG_ALLOWLIST: usize = 100_000;

/// The share of a rollout, in thousandths of a percent.
pub(crate) const QUARTER: u32 = 25_000;

/// A flag of the population.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) number: usize,
}

/// `count` flags: four in ten boolean, three rollouts, two with ten rules, and up to ten in all with an allowlist.
pub(crate) fn flags(count: usize) -> Vec<Flag> {
    let flag = |number: usize| {
        let kind = match number % 10 {
            0..4 => Kind::Boolean,
            4..7 => Kind::Rollout,
            7..9 => Kind::TenRules,
            _ if number < 100 => Kind::Allowlist(ALLOWLIST),
            _ => Kind::Boolean,
        };
        Flag { key: format!("checkout.flow-{number:06}"), kind, number }
    };
    (0..count).map(flag).collect()
}

/// The flag with the long allowlist.
pub(crate) fn long_allowlist() -> Flag {
    Flag { key: "checkout.flow-long".to_owned(), kind: Kind::Allowlist(LONG_ALLOWLIST), number: 0 }
}

/// The n-th named person of an allowlist.
pub(crate) fn member(number: usize) -> String {
    format!("user-{number:07}")
}

/// People who ask. A power of two.
pub(crate) const PEOPLE: usize = 16;

/// One who asks: an identity and nine attributes.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) key: String,
    pub(crate) texts: [(&'static str, String); 6],
    pub(crate) numbers: [(&'static str, i64); 2],
    pub(crate) beta: bool,
}

/// The people. Every fourth is on each allowlist; every second comes from where the tenth rule matches.
pub(crate) fn people() -> Vec<Person> {
    let person = |number: usize| Person {
        key: if number.is_multiple_of(4) { member(number * 7) } else { format!("guest-{number:06}") },
        texts: [
            ("country", if number.is_multiple_of(2) { "DE" } else { "AT" }.to_owned()),
            ("device", "phone-5".to_owned()),
            ("email", format!("person.{number}@mail.example")),
            ("locale", "de-DE".to_owned()),
            ("plan", "basic".to_owned()),
            ("tenant", format!("tenant-{number}x")),
        ],
        numbers: [("age", 41), ("spend", 250)],
        beta: false,
    };
    (0..PEOPLE).map(person).collect()
}

/// A rule of the ten.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Equals(&'static str, String),
    In(&'static str, [String; 3]),
    StartsWith(&'static str, String),
    EndsWith(&'static str, String),
    Contains(&'static str, String),
    Less(&'static str, i64),
    Greater(&'static str, i64),
    True(&'static str),
}

/// The ten rules of a flag.
pub(crate) fn ten_rules(number: usize) -> [Test; 10] {
    let plan = |word: &str| format!("{word}-{number}");
    [
        Test::Equals("country", format!("X{number}")),
        Test::In("plan", [plan("gold"), plan("silver"), plan("bronze")]),
        Test::EndsWith("email", format!("@corp-{number}.example")),
        Test::StartsWith("device", "tablet-".to_owned()),
        Test::Less("age", 18),
        Test::True("beta"),
        Test::Equals("tenant", format!("tenant-{number}")),
        Test::Contains("locale", "fr".to_owned()),
        Test::Greater("spend", 10_000),
        Test::Equals("country", "DE".to_owned()),
    ]
}

/// A flag's key, and the number of the person who asks for it.
pub(crate) type Call = (Box<str>, usize);

/// The flags of a column in a fixed random order, each with somebody who asks for it.
pub(crate) fn calls(flags: &[Flag], column: impl Fn(&Kind) -> bool) -> Vec<Call> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut chosen: Vec<&Flag> = flags.iter().filter(|flag| column(&flag.kind)).collect();
    random.shuffle(&mut chosen);
    chosen.iter().map(|flag| (Box::from(flag.key.as_str()), random.usize(0..PEOPLE))).collect()
}
