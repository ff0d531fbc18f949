#!/usr/bin/env python3
"""Computes vectors.jsonl with other people's implementations of flagd's `targeting`.

A line names its context by the number of its line in contexts.jsonl, counted from 0.

Two roles in one file. Run plainly it installs the implementations below a scratch directory, asks each of them every
question of questions.py, and writes a vector where they agree; where they do not, it writes what each said to
disagreements.jsonl. Run as `generate.py answer` inside a virtual environment it is the Python implementation's mouth.
Our own code takes no part, which is the point.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
FILES = [HERE / name for name in ("contexts.jsonl", "vectors.jsonl", "disagreements.jsonl")]

FLAG = "flag-a"
# A name that no rule uses: every name that a rule comes to is unknown, and comes back in the complaint.
VARIANTS = {"\x00": "\x00"}

PYTHON_CORE = {"v2": "1.0.0", "v3": "2.0.0"}
# The JavaScript package's own dependency on the SDK is a peer dependency, so it is named here.
NODE_PACKAGES = ["@openfeature/flagd-core@4.0.1", "@openfeature/core@1"]


def question(rule, context):
    flag = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": "", "targeting": rule}
    return {"key": FLAG, "context": context, "document": {"flags": {FLAG: flag}}}


def answer():
    """The mouth of `openfeature-flagd-core`: a list of the name or null, or an empty one when the evaluation failed."""
    import logging

    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.exception import GeneralError

    logging.disable()
    complaint = re.compile(r"Resolved variant (.*) not in variants config\.", re.DOTALL)
    answers = []
    for asked in json.load(sys.stdin):
        core = FlagdCore()
        attributes = dict(asked["context"])
        context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
        try:
            core.set_flags(asked["document"])
            answers.append([core.resolve_string_value(asked["key"], "", context).variant])
        except GeneralError as error:
            named = complaint.fullmatch(str(error.error_message))
            answers.append([named.group(1)] if named else [])
        except Exception:
            answers.append([])
    json.dump(answers, sys.stdout)


def ask(command, questions):
    done = subprocess.run(command, input=json.dumps(questions), stdout=subprocess.PIPE, text=True, check=True)
    answers = json.loads(done.stdout)
    assert len(answers) == len(questions), command
    return answers


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
    home = scratch / "targeting-engine"
    shutil.copytree(HERE / "engine", home, dirs_exist_ok=True)
    build = ["cargo", "build", "--quiet", "--release", "--manifest-path", str(home / "Cargo.toml")]
    subprocess.run(build, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(home / "target")})
    return [str(home / "target" / "release" / "targeting-answers")]


def compute(scratch):
    sys.path.insert(0, str(HERE))
    from questions import questions

    asked = list({json.dumps(pair): pair for pair in questions()}.values())
    contexts = list(dict.fromkeys(json.dumps(context, ensure_ascii=False) for _, context in asked))
    plain = [pair for pair in asked if "fractional" not in json.dumps(pair[0])]
    fractional = [pair for pair in asked if "fractional" in json.dumps(pair[0])]
    node = ("js-4.0.1", install_node(scratch))
    python_v2 = ("python-1.0.0", install_python(scratch, "v2"))
    python_v3 = ("python-2.0.0", install_python(scratch, "v3"))
    rust = ("rust-0.1.0", install_rust(scratch))
    rounds = [
        ("any", plain, [node, python_v2, python_v3]),
        ("v2", fractional, [node, python_v2]),
        ("v3", fractional, [python_v3, rust]),
    ]
    vectors, disagreements = [], []
    for generation, pairs, who in rounds:
        said = [ask(command, [question(*pair) for pair in pairs]) for _, command in who]
        for (rule, context), *answers in zip(pairs, *said, strict=True):
            place = contexts.index(json.dumps(context, ensure_ascii=False))
            line = {"generation": generation, "context": place, "rule": rule}
            if answers[0] and all(other == answers[0] for other in answers):
                vectors.append({**line, "variant": answers[0][0]})
            else:
                names = [name for name, _ in who]
                disagreements.append({**line, "answers": dict(zip(names, answers, strict=True))})
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    files = [[json.loads(context) for context in contexts], vectors, disagreements]
    return ["".join(json.dumps(line, **compact) + "\n" for line in lines) for lines in files]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", nargs="?", choices=["answer"], help="answer questions from standard input")
    parser.add_argument("--scratch", type=pathlib.Path, help="where to install (kept, to run again faster)")
    parser.add_argument("--check", action="store_true", help="compare with the files and write nothing")
    options = parser.parse_args()
    if options.role == "answer":
        answer()
        return
    with tempfile.TemporaryDirectory() as temporary:
        computed = compute((options.scratch or pathlib.Path(temporary)).resolve())
    for path, text in zip(FILES, computed, strict=True):
        if not options.check:
            path.write_text(text)
        elif text != path.read_text():
            raise SystemExit(f"{path.name} is not what the implementations compute")
        print(f"{path.name}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
