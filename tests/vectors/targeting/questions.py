"""What the implementations are asked: expressions, each over one or more contexts."""

USER = {
    "targetingKey": "user-1",
    "email": "ann@example.com",
    "plan": "pro",
    "age": 30,
    "score": 2.5,
    "zero": 0,
    "minus": -7,
    "yes": True,
    "no": False,
    "nothing": None,
    "empty": "",
    "digits": "42",
    "version": "1.4.2",
    "tags": ["beta", "staff"],
    "numbers": [1, 2, 3, 4],
    "none": [],
    "nested": {"country": "DE", "deep": {"er": [10, {"x": "y"}]}, "nil": None},
    "people": [{"name": "a", "age": 10}, {"name": "b", "age": 20}, {"name": "c", "age": 30, "vip": True}],
    "text": "Grüße, 日本",
}
NOBODY = {}
OTHER = {"targetingKey": "user-2", "email": "bob@test.org", "plan": "free", "age": 17, "version": "2.0.0-rc.1"}

# Every kind of value, as literals.
VALUES = [
    0, 1, -1, 2, 2.5, 10, "0", "1", "a", "b", "ab", "10", "2.5", " 1 ", "", "x1", True, False, None, "true", "null",
    [], [1], ["a"], [1, 2], "1,2",
]
NAMES = [name for name in USER if name != "targetingKey"]


def var(*path):
    return {"var": path[0] if len(path) == 1 else list(path)}


def says(condition):
    """A condition as a variant: so that truth and kind are both seen."""
    return {"if": [condition, "T", "F"]}


def both(rule):
    """A rule's own result, and its truth."""
    yield rule, USER
    yield says(rule), USER


def access():
    paths = [
        "email", "age", "score", "zero", "yes", "no", "nothing", "empty", "absent", "nested.country", "nested.deep.er.0",
        "nested.deep.er.1.x", "nested.absent", "nested.nil", "nested.country.x", "tags.0", "tags.1", "tags.2", "tags.-1",
        "tags.length", "tags.01", "tags", "email.0", "email.length", "numbers", "numbers.3", "people.2.name", "none.0",
        "$flagd.flagKey", "targetingKey", "text", "absent.deep.er", "nested.deep.er.length", ".", "nested.", "none",
    ]
    for path in paths:
        for context in (USER, NOBODY):
            yield var(path), context
            yield says(var(path)), context
            yield var(path, "default"), context
    yield {"var": ["email"]}, USER
    yield {"var": [{"cat": ["em", "ail"]}]}, USER
    yield {"var": {"cat": ["nested.", "country"]}}, USER
    yield {"var": [{"var": "plan"}, "not there"]}, USER
    yield {"var": ["absent", {"var": "plan"}]}, USER
    yield {"var": ["absent", 5]}, USER
    yield {"var": ["absent", None]}, USER
    yield {"var": ["absent", {"if": [True, "computed"]}]}, USER
    yield says({">": [var("$flagd.timestamp"), 1600000000]}), USER
    yield says({"<": [var("$flagd.timestamp"), 1600000000]}), USER
    yield var("$flagd.flagKey"), {**USER, "$flagd": {"flagKey": "forged"}}
    yield {"map": [var("numbers"), var("")]}, USER
    for keys in (["email"], ["absent"], ["absent", "email", "gone"], [], ["nested.country", "nested.gone"], ["empty"]):
        yield {"missing": keys}, USER
        yield says({"missing": keys}), USER
        yield {"cat": [{"missing": keys}]}, USER
        for wanted in (0, 1, 2):
            yield {"cat": [{"missing_some": [wanted, keys]}]}, USER
            yield says({"missing_some": [wanted, keys]}), USER
    yield says({"missing": {"merge": ["email", {"if": [True, "absent", []]}]}}), USER
    yield {"cat": {"missing": {"merge": ["email", "absent"]}}}, USER
    yield {"if": [{"missing": ["email", "plan"]}, "incomplete", "complete"]}, USER
    yield {"if": [{"missing": ["email", "plan"]}, "incomplete", "complete"]}, NOBODY


def logic():
    for value in VALUES:
        yield says(value), NOBODY
        yield {"!": [value]}, NOBODY
        yield {"!!": [value]}, NOBODY
        yield {"or": [value, "other"]}, NOBODY
        yield {"and": [value, "other"]}, NOBODY
    for name in NAMES:
        yield says(var(name)), USER
        yield {"!": [var(name)]}, USER
        yield {"!!": [var(name)]}, USER
    yield {"!": True}, NOBODY
    yield {"!!": "a"}, NOBODY
    chains = [
        [], ["a"], [True, "a"], [False, "a"], [True, "a", "b"], [False, "a", "b"], [False, "a", True, "b"],
        [False, "a", False, "b"], [False, "a", False, "b", "c"], [False, "a", True, "b", "c"], [None, "a", "b"],
        [{"var": "yes"}, {"if": [{"var": "no"}, "x", "y"]}, "z"], [0, "a", "", "b", [], "c", "1", "d", "e"],
        [True, None, "b"], [False, "a", None], [True, True, False], [True, 7, 8], [True, 1.5, 8], [True, 1.0, 8],
    ]
    for chain in chains:
        yield {"if": chain}, USER
    for operator in ("and", "or"):
        for operands in ([], [True], [False], ["a", "b"], [0, "b"], ["", None], [var("plan"), var("email")],
                         [var("absent"), var("email")], [False, 0, "", None], [1, True, "last"], [[], "x"]):
            yield {operator: operands}, USER
            yield says({operator: operands}), USER


def comparison():
    for operator in ("==", "!=", "===", "!==", "<", "<=", ">", ">="):
        for left in VALUES:
            for right in VALUES:
                # All pairs would be thousands; every pair of kinds is there.
                if (VALUES.index(left) * 7 + VALUES.index(right) * 3 + len(operator)) % 4 == 0:
                    yield says({operator: [left, right]}), NOBODY
        for name, other in (("plan", "pro"), ("age", 18), ("age", "30"), ("score", 2), ("absent", 1), ("absent", "x"),
                            ("nothing", None), ("digits", 42), ("yes", True), ("minus", 0), ("email", "b")):
            yield says({operator: [var(name), other]}), USER
        yield says({operator: [var("age"), var("score")]}), USER
        yield says({operator: [var("tags"), var("tags")]}), USER
    for operator in ("<", "<=", ">", ">="):
        for between in ([1, 2, 3], [1, 1, 3], [1, 3, 3], [3, 2, 1], [1, 4, 3], [3, 3, 3], [18, var("age"), 65],
                        [65, var("age"), 18], ["a", "b", "c"], ["1", 2, "3"], [0, var("minus"), 10]):
            yield says({operator: between}), USER


def arithmetic():
    operands = [
        [], [1], ["2"], [-3], [0], [1, 2], [5, 2], [7, 3], [2.5, 0.5], ["3", 4], ["3", "4"], [True, 1], [None, 1], [1, 2, 3],
        [10, 4, 3], [-7, 3], [7, -3], [1, 0], [0, 5], [0.1, 0.2], [1e21, 1], [1e-7, 0], [3, 2.5], [9, 3], [6, 4], [1.5, 2],
        [var("age"), 1], [var("score"), 2], [var("digits"), 2], [var("minus"), 2], [var("absent"), 1], [100, 7], [1, "x"],
        [123456789, 1000], [5.5, 2], [1e15, 10], ["", 1], [" 4 ", 2],
    ]
    for operator in ("+", "-", "*", "/", "%", "max", "min"):
        for numbers in operands:
            yield {operator: numbers}, USER
            yield {"cat": ["n", {operator: numbers}]}, USER
    yield {"+": "3.5"}, USER
    yield {"-": var("age")}, USER
    yield {"+": {"var": "digits"}}, USER
    yield says({">": [{"%": [var("age"), 7]}, 1]}), USER
    yield {"if": [{"==": [{"%": [{"+": [1, 2, {"*": [2, 3]}]}, 2]}, 1]}, "odd", "even"]}, USER


def lists():
    sources = [var("numbers"), var("none"), var("absent"), [1, 2, 3], [], var("tags")]
    is_even = {"==": [{"%": [var(""), 2]}, 0]}
    for source in sources:
        for body in (var(""), {"*": [var(""), 2]}, {"cat": ["<", var(""), ">"]}, "same", var("absent")):
            yield {"cat": [{"map": [source, body]}]}, USER
        yield says({"map": [source, var("")]}), USER
        for condition in (is_even, {">": [var(""), 1]}, True, False, {"in": ["a", var("")]}, var("")):
            yield {"cat": [{"filter": [source, condition]}]}, USER
            for quantifier in ("all", "some", "none"):
                yield {quantifier: [source, condition]}, USER
        total = {"+": [var("accumulator"), var("current")]}
        yield {"cat": [{"reduce": [source, total, 0]}]}, USER
        yield {"cat": [{"reduce": [source, {"cat": [var("accumulator"), "-", var("current")]}, "s"]}]}, USER
        yield {"cat": [{"reduce": [source, {"max": [var("accumulator"), var("current")]}, 2]}]}, USER
        yield {"cat": [{"reduce": [{"filter": [source, is_even]}, total, 10]}]}, USER
    people = var("people")
    yield {"cat": [{"map": [people, var("name")]}]}, USER
    yield {"cat": [{"map": [{"filter": [people, {">": [var("age"), 15]}]}, var("name")]}]}, USER
    yield {"cat": [{"map": [{"filter": [people, var("vip")]}, var("name")]}]}, USER
    yield {"cat": [{"map": [{"filter": [people, {"missing": ["vip"]}]}, var("name")]}]}, USER
    yield {"cat": [{"map": [people, var("nick", "none")]}]}, USER
    yield {"cat": [{"map": [people, {"if": [var("vip"), "V", "-"]}]}]}, USER
    yield {"reduce": [people, {"+": [var("accumulator"), var("current.age")]}, 0]}, USER
    yield {"reduce": [people, {"if": [var("current.vip"), var("current.name"), var("accumulator")]}, "nobody"]}, USER
    yield {"reduce": [var("numbers"), {"*": [var("accumulator"), var("current")]}, 1]}, USER
    yield {"reduce": [var("numbers"), var("absent"), 1]}, USER
    for quantifier in ("all", "some", "none"):
        for condition in ({">=": [var("age"), 10]}, {">": [var("age"), 25]}, {"==": [var("name"), "b"]}, var("vip"),
                          {">": [var("age"), 100]}, {"in": [var("name"), "ab"]}):
            yield {quantifier: [people, condition]}, USER
            yield says({quantifier: [people, condition]}), USER
    yield {"cat": [{"map": [[[1, 2], [3]], {"reduce": [var(""), {"+": [var("accumulator"), var("current")]}, 0]}]}]}, USER
    yield {"cat": [{"map": [[[1, 2], [3]], {"map": [var(""), {"+": [var(""), 1]}]}]}]}, USER
    yield {"cat": [{"map": [var("numbers"), {"cat": [var(""), var("email", "?")]}]}]}, USER
    for parts in ([], [1], [[1], [2]], [1, [2, 3]], [[1, [2]], 3], [[], []], [None, 1], ["a", ["b"]], [var("tags"), "x"],
                  [var("absent"), "x"], [[None], [1]]):
        yield {"cat": [{"merge": parts}]}, USER
        yield {"cat": [var("absent", "-"), {"map": [{"merge": parts}, "x"]}]}, USER
        yield says({"merge": parts}), USER
    needles = ["a", "b", "beta", "", 1, 2, "2", True, None, var("plan"), var("email"), var("absent"), 2.0, "example"]
    stacks = ["abc", "12", "", [], ["a", "b"], [1, 2, "2"], [True, None], var("tags"), var("email"), var("numbers"),
              var("absent"), 5, "null true"]
    for needle in needles:
        for stack in stacks:
            yield says({"in": [needle, stack]}), USER
    yield {"in": ["a", ["a"]]}, USER


def texts():
    parts = [
        [], ["a"], ["a", "b"], ["a", 1], [1, 2], [1.5], [1.0], [0.1, "x"], [True], [False, "x"], [None], ["a", None], [[1, 2]],
        [["a", ["b", "c"]]], [1e21], [1e20], [1e-7], [0.000001], [-0.5], [100], [123456789012], ["é", "日"], [var("email"), "!"],
        [var("age")], [var("score")], [var("tags")], [var("absent")], [var("nested")], [var("yes")], ["", ""], [-0.0],
        [{"+": [0.1, 0.2]}], [{"/": [1, 3]}], [{"/": [10, 4]}], [{"*": [1.5, 2]}], [1e100], [5e-324], [0.1], [1234.5678],
    ]
    for values in parts:
        yield {"cat": values}, USER
        yield {"cat": ["<", {"cat": values}, ">"]}, USER
    yield {"cat": "alone"}, USER
    yield {"cat": var("email")}, USER
    yield {"cat": 5}, USER
    for text in ("jsonlogic", "", "Grüße, 日本", var("email"), var("digits")):
        for cut in ([4], [-5], [0, 4], [1, 3], [4, -2], [-3, 2], [-3, -1], [0, -2], [100], [-100], [2, 100], [0, 0], [1, -100],
                    [0], [3, 1]):
            yield {"cat": ["<", {"substr": [text, *cut]}, ">"]}, USER
            yield {"substr": [text, *cut]}, USER
    ends = [
        ["abc", "a"], ["abc", "c"], ["abc", "abc"], ["abc", "abcd"], ["abc", ""], ["", ""], ["Abc", "a"], ["abc", 1], [1, "1"],
        ["abc"], [], ["abc", "a", "b"], [None, "a"], [["abc"], "a"], [True, "t"], [var("email"), "ann@"],
        [var("email"), "example.com"], [var("absent"), "a"], [var("email"), var("plan")], ["日本", "日"], ["日本", "本"],
        [{"cat": ["x", "y"]}, "x"],
    ]
    for operator in ("starts_with", "ends_with"):
        for operands in ends:
            yield from both({operator: operands})
    yield {"starts_with": "abc"}, USER


def versions():
    names = [
        "1.0.0", "1.2.0", "1.2.3", "2.0.0", "v1.2.3", "V1.2.3", "1", "1.2", "v1", "1.2.3-alpha", "1.2.3-alpha.1",
        "1.2.3-beta", "1.2.3-1", "1.2.3+build", "1.2.3-rc.1+b", "0.0.0", "10.0.0", "1.10.0", "1.2.3.4", "junk", "", "vv1", "1.x",
        "01.2.3", "1.2.03", " 1.2.3", "-1.0.0", "1.2-alpha", "1..2",
    ]
    operators = ["=", "!=", "<", "<=", ">", ">=", "^", "~"]
    for index, left in enumerate(names):
        for offset, operator in enumerate(operators):
            for right in ("1.2.3", names[(index * 3 + offset * 5) % len(names)]):
                yield {"sem_ver": [left, operator, right]}, NOBODY
    for operands in ([], ["1.0.0"], ["1.0.0", "="], ["1.0.0", "==", "1.0.0"], ["1.0.0", "=", "1.0.0", "x"], [1, "=", "1.0.0"],
                     [1.2, "=", "1.2.0"], [1, "<", 2], [2, "^", "2.9.9"], [True, "=", "1.0.0"], [None, "=", "1.0.0"],
                     ["1.0.0", None, "1.0.0"], [var("version"), ">=", "1.4.0"], [var("version"), "~", "1.4.9"],
                     [var("version"), "^", "1.0.0"], [var("absent"), "=", "1.0.0"], ["1.0.0", "=", [1]]):
        for context in (USER, OTHER):
            yield {"sem_ver": operands}, context
            yield says({"sem_ver": operands}), context
    yield {"sem_ver": "1.0.0"}, USER


def fractional():
    split = [["a", 25], ["b", 25], ["c", 50]]
    twenty = [[f"v{index}", 1] for index in range(20)]
    users = [{"targetingKey": f"user-{index}", "plan": "pro"} for index in range(12)]
    shapes = [
        split, twenty, [["a"], ["b"], ["c"]], [["a", 1], ["b"]], [["only", 1]], [["a", 0], ["b", 1]], [["a", -5], ["b", 5]],
        [["a", 0], ["b", 0]], [["a", 1], ["b", 2147483647]], [["a", 1], ["b", 2147483646]], [["a", 0.5], ["b", 1]],
        [["a", "5"], ["b", 1]], [["a", True], ["b", 1]], [["a", None], ["b", 1]], [["a", 1, 2], ["b", 1]], [[], ["b", 1]],
        ["text", ["b", 1]], ["text", 5, ["b", 1]], [["a", 1], "b"], [[True, 1], [False, 1]], [[1, 1], [2, 1]], [[None, 1], ["b", 1]],
        [["a", {"+": [1, 2]}], ["b", {"if": [True, 7, 1]}]], [[{"if": [True, "x", "y"]}, 1], [var("plan"), 1]],
        [[var("absent"), 1], ["b", 1]], [[["a"], 1], ["b", 1]], [], ["text"], [5], [{"cat": []}, ["a", 1], ["b", 1]],
    ]
    for shape in shapes:
        for user in users[:4]:
            yield {"fractional": shape}, user
    for user in users:
        yield {"fractional": twenty}, user
        yield {"fractional": [{"cat": [var("$flagd.flagKey"), var("targetingKey")]}, *twenty]}, user
        yield {"fractional": [var("targetingKey"), *twenty]}, user
        yield {"if": [{"==": [var("plan"), "pro"]}, {"fractional": split}, "off"]}, user
    for user in (NOBODY, {"targetingKey": ""}, {"plan": "pro"}, {"targetingKey": "日本"}, {"targetingKey": "Ünï"}):
        yield {"fractional": split}, user
        yield {"fractional": [var("plan"), *split]}, user
        yield {"if": [{"fractional": split}, "T", "F"]}, user
    keys = ["a", "user-1", "é", 1, 0, -1, 23, 24, 255, 256, -24, -25, 65535, 65536, 4294967295, 4294967296, 1.5, 0.1, 1e300,
            -0.5, 100000.5, 3.4028234663852886e38, True, False, None, 65504.5, 5.960464477539063e-8, 1e15, -1e15, 2.0, "",
            9007199254740993, "a" * 24, "a" * 256]
    for key in keys:
        yield {"fractional": [key, *twenty]}, users[0]
        if not isinstance(key, type(None)):
            yield {"fractional": [var("unit"), *twenty]}, {**users[1], "unit": key}
    yield {"or": [{"fractional": [["a", 0]]}, "fallback"]}, users[0]
    yield {"cat": ["group-", {"fractional": twenty}]}, users[1]
    yield {"if": [{"in": [{"fractional": split}, ["a", "b"]]}, "in", "out"]}, users[2]
    yield {"fractional": [[{"fractional": [["x", 1], ["y", 1]]}, 1], ["z", 1]]}, users[3]
    # Hashes at the ends of the range.
    for text in ("ejOoVL", "bY9fO-", "SI7p-", "6LvT0", "ceQdGm"):
        yield {"fractional": [text, *twenty]}, users[0]


def questions():
    for part in (access, logic, comparison, arithmetic, lists, texts, versions, fractional):
        yield from part()
