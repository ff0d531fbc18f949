#!/usr/bin/env python3
"""Computes vectors.tsv with other people's implementations of flagd's `fractional`.

Two roles in one file. Run plainly it lists the inputs, installs the implementations below a scratch
directory, asks each of them, and writes a vector where two of them answered the same; any disagreement is an
error. Run as `generate.py answer` inside a virtual environment it is the Python implementation's mouth:
questions as JSON on standard input, answers on standard output. Our own code takes no part, which is the
point.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE / "vectors.tsv"

PYTHON_CORE = {"v2": "1.0.0", "v3": "2.0.0"}
# The JavaScript package's own dependency on the SDK is a peer dependency, so it is named here.
NODE_PACKAGES = ["@openfeature/flagd-core@4.0.1", "@openfeature/core@1"]
RUST_ENGINE = "rust-engine-0.1.0"
JS_CORE = "js-core-4.0.1"

# The variant that is served when `fractional` itself answers nothing.
NOTHING = "nothing"

HUNDRED = [1000] * 100
ONE_IN_100_000 = [1, 99_999]
QUARTER = [25_000, 75_000]
THIRDS = [33_333, 33_333, 33_334]

ALPHABET = "abcdefghijklmnopqrstuvwxyz012345"
UUIDS = [
    "5c3d8535-f81a-4478-a6d3-afaa4d51199e",
    "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF",
]
# The lengths at which a CBOR text header grows by a byte or two, and their lower neighbours.
LONG = ["user-" * 13_107, "0123456789abcdef" * 4096]  # 65 535 and 65 536 bytes
BORDERS = ["n" * 23, "n" * 24, "n" * 255, "n" * 256]
UNICODE = [
    "Ω",
    "ünïcödé",
    "日本語",
    "שלום",
    "😀",
    "\U0001f469\u200d\U0001f467",  # Two emoji with a joiner between them.
    "\u00e9",  # The same letter, composed …
    "e\u0301",  # … and decomposed: nobody normalises, so these are two people.
    "\ufeffbom",
    "\U0010ffff",
    "é" * 12,  # 12 characters, but 24 bytes: the header counts bytes.
    "日" * 85,  # 85 characters, 255 bytes.
    "😀" * 64,  # 64 characters, 256 bytes.
]
NAMES = [
    "a",
    "flag-a",
    "new_checkout",
    "checkout.new-flow",
    "payments.v2.retry_policy",
    "UPPER.lower-0_9",
    "-",
    " ",
    "機能",
    "Ünïcode-Schalter",
    "🚀-launch",
    *BORDERS,
    *LONG,
]
VALUES = [
    "0",
    "a",
    "alice",
    "user-1",
    "user-2",
    "user-10",
    "bob@example.com",
    "-1",
    "1.0",
    "1e300",
    "true",
    "null",
    " ",
    " leading and trailing ",
    "tab\tand\nnewline",
    "nul\0inside",
    'quote" and \\backslash',
    "{\"var\":\"unit\"}",
    *UUIDS,
    *UNICODE,
    *BORDERS,
    *LONG,
]
# The first and the last bucket of 100 000 of some entries, and the weightings that have a border there.
BOUNDARIES = {
    0: [ONE_IN_100_000],
    1: [ONE_IN_100_000],
    24_999: [QUARTER],
    25_000: [QUARTER],
    33_332: [THIRDS],
    33_333: [THIRDS],
    66_665: [THIRDS],
    66_666: [THIRDS],
    99_999: [ONE_IN_100_000, QUARTER, THIRDS],
}
# The numbers of users who fall into those buckets (in that order) under the flag or salt checkout.new-flow.
# Found by search, so that an implementation that is off by one cannot pass. Without a separator v2 hashes the
# same bytes in both kinds.
V2_USERS = [68993, 4855, 33951, 169158, 228347, 65340, 101204, 89282, 17343]
BOUNDARY_USERS = {
    ("v2", "flag-key"): V2_USERS,
    ("v2", "salted"): V2_USERS,
    ("v3", "flag-key"): [31739, 146195, 76904, 17256, 458148, 584, 73086, 133886, 1884],
    ("v3", "salted"): [85945, 34062, 73825, 28288, 50417, 55584, 153133, 114829, 22617],
}
# Texts whose hash (as plain bytes, hence v2) is 0, 1, 2^31 - 1, 2^31 and 2^32 - 1.
EXTREME_HASHES = ["ejOoVL", "bY9fO-", "SI7p-", "6LvT0", "ceQdGm"]


def known_inputs():
    """What the project was given before it had code, as far as text and valid weights express it."""
    hundred = [1] * 100
    users = ["user-1", "user-2", "user-3", "alice"]
    for value in [*users, "bob@example.com", UUIDS[0], "0", "a", "Ω", "ünïcödé", "日本語", "😀"]:
        yield "flag-key", "flag-a", value, hundred
    for value in ["user-1", "alice", "bob@example.com"]:
        yield "flag-key", "flag-b", value, hundred
    for value in ["foo@bar.com", "foo@test.com", "test@faas.com", "rachel@faas.com", ""]:
        yield "salted", "cat-email", value, hundred
    yield "salted", "", "user-1", hundred
    yield "flag-key", "by-var", "tk", hundred
    for value in users:
        yield "flag-key", "rgb", value, [50, 20, 30]
        yield "flag-key", "canary", value, [1, 999]
        yield "flag-key", "thirds", value, [1, 1, 1]
        yield "flag-key", "max", value, [1, 2_147_483_646]
        yield "flag-key", "neg", value, [0, 5]
    yield "flag-key", "single", "user-1", [1]
    yield "flag-key", "boolvar", "user-1", [50, 50]


def swept_inputs():
    """Every name and every value, in a hundred buckets and in one of the other weightings in turn."""
    pairs = [(name, value) for name in ["flag-a", "checkout.new-flow"] for value in VALUES]
    pairs += [(name, value) for name in NAMES for value in ["user-7", UUIDS[0], "日本語"]]
    others = [ONE_IN_100_000, QUARTER, THIRDS]
    for index, (name, value) in enumerate(pairs):
        for kind in ["flag-key", "salted"]:
            yield kind, name, value, HUNDRED
            yield kind, name, value, others[index % len(others)]
    # Each length in turn puts the cut between name and value at another place of the hash's four-byte block.
    for length in range(1, len(ALPHABET) + 1):
        yield "flag-key", "s", ALPHABET[:length], HUNDRED
        yield "salted", "s", ALPHABET[:length], HUNDRED
    # Here neither part reaches the header's border, but their sum does.
    for total in [23, 24, 255, 256, 65_535, 65_536]:
        yield "salted", "salt:", "v" * (total - 5), HUNDRED
    yield "salted", "", "alone", HUNDRED
    yield "salted", "alone", "", HUNDRED
    # Entries of weight zero keep their index.
    for value in ["user-1", "user-2", "user-3", "alice"]:
        yield "flag-key", "flag-a", value, [0, 1, 0, 1, 0]


def inputs():
    for generation in ["v2", "v3"]:
        for kind, name, value, weights in [*known_inputs(), *swept_inputs()]:
            yield generation, kind, name, value, weights
        for kind in ["flag-key", "salted"]:
            users = BOUNDARY_USERS[generation, kind]
            for weightings, user in zip(BOUNDARIES.values(), users, strict=True):
                for weights in weightings:
                    yield generation, kind, "checkout.new-flow", f"user-{user}", weights
    for value in EXTREME_HASHES:
        for weights in [HUNDRED, [1, 2_147_483_646], [2_147_483_646, 1]]:
            yield "v2", "salted", "", value, weights
    # Both parts empty: the Python v2 answers null there, so only v3 has two that agree.
    yield "v3", "salted", "", "", HUNDRED


def question(kind, name, value, weights):
    """One flag document, and what to ask of it; the same for every implementation."""
    entries = [[str(index), weight] for index, weight in enumerate(weights)]
    if kind == "flag-key":
        key, context, rule = name, {"targetingKey": value}, entries
    else:
        # The flag's key and the targeting key must not matter here, so they are something else.
        key, context = "another-flag", {"targetingKey": "somebody-else", "unit": value}
        rule = [{"cat": [name, {"var": "unit"}]}, *entries]
    variants = {name: name for name in [NOTHING, *(entry[0] for entry in entries)]}
    # The Rust engine refuses a document with a flag that has no default variant.
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": NOTHING}
    flag["targeting"] = {"fractional": rule}
    return {"key": key, "context": context, "document": {"flags": {key: flag}}}


def octets(text):
    """One character for each UTF-8 byte, for an implementation that hashes one byte of each character."""
    return text.encode().decode("latin-1")


def answer():
    """The mouth of `openfeature-flagd-core`, run inside the virtual environment that has it."""
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    answers = []
    for asked in json.load(sys.stdin):
        core = FlagdCore()
        core.set_flags(asked["document"])
        attributes = dict(asked["context"])
        context = EvaluationContext(attributes.pop("targetingKey"), attributes)
        details = core.resolve_string_value(asked["key"], "", context)
        answers.append(details.variant)
    json.dump(answers, sys.stdout)


def ask(command, questions, cwd=None):
    text = json.dumps(questions)
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True, cwd=cwd)
    answers = json.loads(done.stdout)
    assert len(answers) == len(questions), command
    return [None if answer in (None, NOTHING) else int(answer) for answer in answers]


def install_python(scratch, generation):
    home = scratch / f"python-{generation}"
    interpreter = home / "bin" / "python"
    if not interpreter.exists():
        venv.create(home, with_pip=True)
        package = f"openfeature-flagd-core=={PYTHON_CORE[generation]}"
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", package], check=True)
    return [str(interpreter), str(HERE / "generate.py"), "answer"]


def install_node(scratch):
    home = scratch / "node"
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}\n')
        quiet = ["--silent", "--no-audit", "--no-fund", "--legacy-peer-deps"]
        subprocess.run(["npm", "install", *quiet, *NODE_PACKAGES], check=True, cwd=home)
    # Node looks for packages beside the script, so the script moves to the packages.
    shutil.copy(HERE / "generate.mjs", home)
    return ["node", str(home / "generate.mjs")]


def install_rust(scratch):
    # Built from a copy, so that no lock file or build directory appears in the repository.
    home = scratch / "engine"
    shutil.copytree(HERE / "engine", home, dirs_exist_ok=True)
    build = ["cargo", "build", "--quiet", "--release", "--manifest-path", str(home / "Cargo.toml")]
    subprocess.run(build, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(home / "target")})
    return [str(home / "target" / "release" / "fractional-answers")]


def text_column(text):
    """Hex of the UTF-8; a long repetition is its unit, an asterisk and the count."""
    if len(text) > 64:
        for width in range(1, 17):
            count, rest = divmod(len(text), width)
            if rest == 0 and text[:width] * count == text:
                return f"{text[:width].encode().hex()}*{count}"
    return text.encode().hex()


def weights_column(weights):
    if len(weights) > 9 and len(set(weights)) == 1:
        return f"{weights[0]}*{len(weights)}"
    return ",".join(str(weight) for weight in weights)


def vectors(scratch):
    everything = list({json.dumps(row): row for row in inputs()}.values())
    lines = []
    for generation in ["v2", "v3"]:
        rows = [row[1:] for row in everything if row[0] == generation]
        python = ask(install_python(scratch, generation), [question(*row) for row in rows])
        names = [JS_CORE if generation == "v2" else RUST_ENGINE] * len(rows)
        if generation == "v2":
            # For ASCII this changes nothing. Beyond it the JavaScript package, asked plainly, hashes UTF-16.
            spelled = [(kind, octets(name), octets(value), weights) for kind, name, value, weights in rows]
            names = [
                JS_CORE if asked == plain else f"{JS_CORE}(octets)"
                for asked, plain in zip(spelled, rows, strict=True)
            ]
            other = ask(install_node(scratch), [question(*row) for row in spelled])
        else:
            other = ask(install_rust(scratch), [question(*row) for row in rows])
        for (kind, name, value, weights), first, second, who in zip(rows, python, other, names, strict=True):
            shown = (generation, kind, name[:40], value[:40], weights_column(weights))
            if first is None or first != second:
                raise SystemExit(f"no agreement on {shown}: python {first}, {who} {second}")
            texts = [text_column(name), text_column(value)]
            agreed = f"python-core-{PYTHON_CORE[generation]} {who}"
            lines.append("\t".join([generation, kind, *texts, weights_column(weights), str(first), agreed]))
    header = "#generation\tkind\tname_hex\tvalue_hex\tweights\tindex\tagreed"
    return "\n".join([header, *lines]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", nargs="?", choices=["answer"], help="answer questions from standard input")
    parser.add_argument("--scratch", type=pathlib.Path, help="where to install (kept, to run again faster)")
    parser.add_argument("--check", action="store_true", help="compare with vectors.tsv and write nothing")
    options = parser.parse_args()
    if options.role == "answer":
        answer()
        return
    with tempfile.TemporaryDirectory() as temporary:
        computed = vectors((options.scratch or pathlib.Path(temporary)).resolve())
    if options.check:
        if computed != TARGET.read_text():
            raise SystemExit("vectors.tsv is not what the implementations compute")
    else:
        TARGET.write_text(computed)
    print(f"{computed.count(chr(10)) - 1} vectors, all of them agreed upon by two implementations")


if __name__ == "__main__":
    main()
