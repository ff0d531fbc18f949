#!/usr/bin/env python3
"""Computes every decision of decisions.json from the rules as they are written down, and compares.

An implementation of its own, after DESIGN.md section 4 and the contract in proto/: our engine took no part, and this
one shares nothing with it. It is slow, plain, and knows no more of flagd's targeting than the file uses. Its hash is
held against vectors.tsv first, which other people's implementations computed.

    python3 tests/vectors/decisions.py            prints what it decides, case by case
    python3 tests/vectors/decisions.py --check    says nothing but how much agrees, and fails where something does not
"""

import argparse
import datetime
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WHOLE = 100_000
OPERATORS = (
    "equals in contains starts_with ends_with less less_or_equal greater greater_or_equal version_equals version_less "
    "version_less_or_equal version_greater version_greater_or_equal before after exists"
).split()
REASONS = ["STATIC", "DEFAULT", "SPLIT", "TARGETING_MATCH", "DISABLED", "PREREQUISITE_FAILED", "ERROR"]
NOT_FOUND = (None, "ERROR", "FLAG_NOT_FOUND")


# Buckets.


def murmur3_32(data):
    """MurmurHash3 x86 32-bit with seed 0."""
    mask = 0xFFFFFFFF
    rotate = lambda word, by: ((word << by) | (word >> (32 - by))) & mask
    mix = lambda word: rotate(word * 0xCC9E2D51 & mask, 15) * 0x1B873593 & mask
    whole = len(data) // 4 * 4
    state = 0
    for at in range(0, whole, 4):
        state = rotate(state ^ mix(int.from_bytes(data[at : at + 4], "little")), 13) * 5 + 0xE6546B64 & mask
    if data[whole:]:
        state ^= mix(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & mask
    state = (state ^ state >> 13) * 0xC2B2AE35 & mask
    return state ^ state >> 16


def cbor_text(text):
    data = text.encode()
    for size, head in [(1, 0x78), (2, 0x79), (4, 0x7A)]:
        if len(data) < 24:
            return bytes([0x60 | len(data)]) + data
        if len(data) < 256**size:
            return bytes([head]) + len(data).to_bytes(size, "big") + data
    raise ValueError("a text that nobody hashes")


def hash_pair(generation, flag_key, targeting_key):
    if generation == "v2":
        return murmur3_32((flag_key + targeting_key).encode())
    return murmur3_32(b"\x82" + cbor_text(flag_key) + cbor_text(targeting_key))


def hash_text(generation, text):
    return murmur3_32(text.encode() if generation == "v2" else cbor_text(text))


def pick(hashed, weights):
    bucket = hashed * sum(weights) >> 32
    for index, weight in enumerate(weights):
        bucket -= weight
        if bucket < 0:
            return index
    raise ValueError("weights that add up to nothing")


def printed(value):
    """A plain value as JSONLogic's `cat` prints it; None for what identifies nobody."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return value if isinstance(value, str) and value else None


# Conditions.


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compare(left, right):
    """-1, 0 or 1; None when these are not two numbers. Two integers exactly, anything else as doubles."""
    if not (is_number(left) and is_number(right)):
        return None
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    return (left > right) - (left < right)


def equal(left, right):
    if is_number(left) and is_number(right):
        return compare(left, right) == 0
    return type(left) is type(right) and left == right


def version(text):
    found = re.fullmatch(r"[vV]?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", text)
    if not found:
        return None
    numbers = [int(part or 0) for part in found.groups()[:3]]
    if found[4] is None:
        return numbers + [(1,)]
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in found[4].split(".")]
    return numbers + [(0, parts)]


def moment(text):
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00Z"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", text):
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None


def attribute(context, path):
    if path == "targetingKey":
        return context.get("targetingKey") or None
    value = context.get("attributes", {})
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


ORDERS = {"less": [-1], "less_or_equal": [-1, 0], "greater": [1], "greater_or_equal": [0, 1], "equals": [0]}


def matches(operator, operands, found):
    if found is None:
        return False
    if operator == "exists":
        return True
    if operator in ("equals", "in"):
        return any(equal(found, operand) for operand in operands)
    if operator == "contains":
        if isinstance(found, str):
            return any(isinstance(operand, str) and operand in found for operand in operands)
        return isinstance(found, list) and any(equal(element, o) for element in found for o in operands)
    if operator == "starts_with":
        return isinstance(found, str) and any(found.startswith(operand) for operand in operands)
    if operator == "ends_with":
        return isinstance(found, str) and any(found.endswith(operand) for operand in operands)
    if operator in ORDERS:
        return compare(found, operands[0]) in ORDERS[operator]
    read = moment if operator in ("before", "after") else version
    if not isinstance(found, str) or read(found) is None:
        return False
    left, right = read(found), read(operands[0])
    wanted = {"before": [-1], "after": [1]}.get(operator) or ORDERS[operator.removeprefix("version_")]
    return (left > right) - (left < right) in wanted


# Targeting, as far as the file uses it.


def truth(value):
    return value not in (None, False, 0, "", []) or value is True


def logic(rule, data, generation):
    if isinstance(rule, list):
        return [logic(item, data, generation) for item in rule]
    if not isinstance(rule, dict) or not rule:
        return rule
    [(name, arguments)] = rule.items()
    arguments = arguments if isinstance(arguments, list) else [arguments]
    if name == "if":
        while len(arguments) > 1:
            if truth(logic(arguments[0], data, generation)):
                return logic(arguments[1], data, generation)
            arguments = arguments[2:]
        return logic(arguments[0], data, generation) if arguments else None
    values = [logic(argument, data, generation) for argument in arguments]
    first, second = (values + [None, None])[:2]
    if name == "var":
        value = data
        for step in first.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return second if value is None else value
    if name == "fractional":
        return fractional(values, data, generation)
    if name == "sem_ver":
        names = {"=": "equals", "<": "less", "<=": "less_or_equal", ">": "greater", ">=": "greater_or_equal"}
        return matches("version_" + names[second], [values[2]], first)
    return {
        "==": lambda: equal(first, second),
        "===": lambda: equal(first, second),
        "!=": lambda: not equal(first, second),
        "!": lambda: not truth(first),
        "and": lambda: next((value for value in values if not truth(value)), values[-1]),
        "or": lambda: next((value for value in values if truth(value)), values[-1]),
        "in": lambda: isinstance(second, (str, list)) and first is not None and first in second,
        ">": lambda: compare(first, second) == 1,
        "<": lambda: compare(first, second) == -1,
        ">=": lambda: compare(first, second) in (0, 1),
        "cat": lambda: "".join(printed(value) or "" for value in values),
        "starts_with": lambda: matches("starts_with", [second], first),
        "ends_with": lambda: matches("ends_with", [second], first),
        "merge": lambda: [item for value in values for item in (value if isinstance(value, list) else [value])],
    }[name]()


def fractional(values, data, generation):
    if isinstance(values[0], str):
        hashed, entries = hash_text(generation, values[0]), values[1:]
    elif values[0] is None or not data.get("targetingKey"):
        return None
    else:
        hashed, entries = hash_pair(generation, data["$flagd"]["flagKey"], data["targetingKey"]), values
    weights = [entry[1] if len(entry) > 1 else 1 for entry in entries]
    return entries[pick(hashed, weights)][0]


# Decisions.


def fold(key):
    return key.replace(".", "_").replace("-", "_")


def rollout(percent):
    on = round(percent * 1000)
    return {"split": [["on", on], ["off", WHOLE - on]]}


class World:
    def __init__(self, world):
        self.generation = world.get("bucketing", "v3")
        self.segments = {segment["key"]: segment for segment in world.get("segments", [])}
        self.canary = dict(world.get("canary", {}))
        self.flags = {}
        for flag in world["flags"]:
            assert fold(flag["key"]) not in self.flags, flag["key"]
            self.flags[fold(flag["key"])] = self.flag(flag)
        for step in world.get("then", []):
            self.step(step)

    @staticmethod
    def flag(flag):
        flag = {"type": "boolean", "enabled": True, "rules": [], "overrides": {}, **flag}
        boolean = flag["type"] == "boolean"
        flag.setdefault("variants", {"on": True, "off": False} if boolean else None)
        flag.setdefault("defaultVariant", "on" if boolean else None)
        flag.setdefault("offVariant", "off" if boolean else None)
        matrix = flag.pop("matrix", None)
        if matrix is not None:
            shares = [{"when": {"segment": name}, "serve": rollout(share)} for name, share in matrix["shares"]]
            flag["rules"] = shares + flag["rules"]
            flag["rollout"] = matrix["rest"]
        if "rollout" in flag:
            flag["defaultServe"] = rollout(flag.pop("rollout"))
            flag["defaultVariant"] = "off"
        flag.setdefault("defaultServe", flag["defaultVariant"])
        if isinstance(flag["defaultServe"], str):
            assert flag["defaultServe"] == flag["defaultVariant"], "a variant for everybody is the default one"
        for name in ("defaultVariant", "offVariant"):
            assert flag[name] in flag["variants"], flag["key"]
        return flag

    def step(self, step):
        flag = self.flags.get(fold(step.get("flag", "")))
        if step["do"] == "disable":
            flag.update(enabled=False, overrides={})
        elif step["do"] == "enable":
            flag["enabled"] = True
        elif step["do"] == "override":
            flag["overrides"] = {**flag["overrides"], step["service"]: step["variant"]}
        elif step["do"] == "remove_override":
            flag["overrides"] = {k: v for k, v in flag["overrides"].items() if k != step["service"]}
        elif step["do"] == "archive":
            flag["archived"] = True
        elif step["do"] == "unarchive":
            flag["archived"] = False
        elif step["do"] == "rollout":
            flag.update(defaultServe=rollout(step["percent"]), defaultVariant="off", enabled=True)
        elif step["do"] == "canary":
            self.canary["on"] = step["on"]
        elif step["do"] == "edit_allowlist":
            kept = [key for key in self.canary.get("allowlist", []) if key not in step.get("remove", [])]
            self.canary["allowlist"] = kept + step.get("add", [])
        else:
            raise ValueError(step["do"])

    def evaluate(self, key, service, context):
        """The variant, the reason and the error code."""
        flag = self.flags.get(fold(key))
        services = flag.get("services") if flag else None
        if flag is None or flag.get("archived") or (services and service and service not in services):
            return NOT_FOUND
        return self.decide(flag, service, context)

    def decide(self, flag, service, context):
        if service in flag["overrides"]:
            return flag["overrides"][service], "TARGETING_MATCH", None
        if not flag["enabled"]:
            return flag["offVariant"], "DISABLED", None
        for needed in flag.get("prerequisites", []):
            other = self.flags[fold(needed["flag"])]
            if self.decide(other, service, context)[0] not in needed["variants"]:
                return flag["offVariant"], "PREREQUISITE_FAILED", None
        same_for_all = not (flag["rules"] or flag.get("prerequisites") or flag.get("targeting"))
        variant = self.canary_variant(flag)
        if self.canary.get("on") and variant is not None:
            if context.get("targetingKey") in self.canary.get("allowlist", []):
                return variant, "TARGETING_MATCH", None
            same_for_all = False
        for rule in flag["rules"]:
            if self.holds(rule["when"], context):
                return self.serve(flag, rule["serve"], "TARGETING_MATCH", context)
        if flag.get("targeting"):
            attributes = context.get("attributes", {})
            flagd = {"flagKey": flag["key"], "timestamp": 1_800_000_000}
            data = {**attributes, "targetingKey": context.get("targetingKey", ""), "$flagd": flagd}
            name = logic(flag["targeting"], data, self.generation)
            if name is not None:
                name = printed(name)
                if name in flag["variants"]:
                    return name, "TARGETING_MATCH", None
                return flag["defaultVariant"], "DEFAULT", "GENERAL"
        return self.serve(flag, flag["defaultServe"], "STATIC" if same_for_all else "DEFAULT", context)

    @staticmethod
    def canary_variant(flag):
        part = flag.get("canary")
        if part == "out":
            return None
        if part is not None:
            return part["variant"]
        return next((name for name, value in flag["variants"].items() if value is True), None)

    def serve(self, flag, serve, reason, context):
        if isinstance(serve, str):
            return serve, reason, None
        names, weights = zip(*serve["split"])
        assert sum(weights) == WHOLE, flag["key"]
        if max(weights) == WHOLE:
            return names[weights.index(WHOLE)], reason, None
        bucket_by = serve.get("bucketBy", "targetingKey")
        value = printed(attribute(context, bucket_by))
        if value is None:
            return flag["defaultVariant"], "DEFAULT", "TARGETING_KEY_MISSING"
        if bucket_by == "targetingKey" and "salt" not in flag:
            hashed = hash_pair(self.generation, flag["key"], value)
        else:
            hashed = hash_text(self.generation, flag.get("salt", flag["key"]) + value)
        return names[pick(hashed, weights)], "SPLIT", None

    def holds(self, condition, context):
        if "all" in condition:
            return all(self.holds(inner, context) for inner in condition["all"])
        if "any" in condition:
            return any(self.holds(inner, context) for inner in condition["any"])
        if "not" in condition:
            return not self.holds(condition["not"], context)
        if "segment" in condition:
            return self.is_member(self.segments[condition["segment"]], context)
        found = attribute(context, condition["attribute"])
        return matches(condition["is"], condition.get("to", []), found) != condition.get("negated", False)

    def is_member(self, segment, context):
        key = context.get("targetingKey") or None
        if key in segment.get("excluded", []):
            return False
        if key in segment.get("included", []):
            return True
        if not ("condition" in segment or "share" in segment):
            return False
        if "condition" in segment and not self.holds(segment["condition"], context):
            return False
        if "share" not in segment:
            return True
        if key is None:
            return False
        share = segment["share"]
        bucket = hash_text(self.generation, share.get("salt", segment["key"]) + key) * WHOLE >> 32
        return share["from"] * 1000 <= bucket < share["to"] * 1000


# The file.


def check_hash():
    """Holds the hash against other people's implementations."""
    unit = lambda text: (lambda part, count: part * int(count))(*text.split("*")) if "*" in text else text
    lines = [line for line in (HERE / "vectors.tsv").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        generation, kind, name, value, weights, index, _ = line.split("\t")
        name, value = (bytes.fromhex(unit(text)).decode() for text in (name, value))
        if "*" in weights:
            weights = [int(weights.split("*")[0])] * int(weights.split("*")[1])
        else:
            weights = [int(weight) for weight in weights.split(",")]
        if kind == "flag-key":
            hashed = hash_pair(generation, name, value)
        else:
            hashed = hash_text(generation, name + value)
        assert pick(hashed, weights) == int(index), line
    return len(lines)


def operators_of(condition):
    inner = condition.get("all", condition.get("any", []))
    inner = inner + [condition["not"]] if "not" in condition else inner
    return {condition["is"]} if "is" in condition else {name for one in inner for name in operators_of(one)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    hashed = check_hash()
    worlds = json.loads((HERE / "decisions.json").read_text())["worlds"]
    cases, wrong, operators, reasons = 0, 0, set(), set()
    for described in worlds:
        world = World(described)
        for flag in described["flags"]:
            operators |= {name for rule in flag.get("rules", []) for name in operators_of(rule["when"])}
        for case in described["cases"]:
            expected = (case["variant"], case["reason"], case.get("errorCode"))
            found = world.evaluate(case["flag"], case.get("service", ""), case["context"])
            cases += 1
            wrong += found != expected
            reasons.add(case["reason"])
            if not arguments.check or found != expected:
                print(f"{described['name']}: {case['flag']} {case['context']}: {found}, expected {expected}")
    assert len({world["name"] for world in worlds}) == len(worlds), "two worlds of one name"
    missing = [name for name in OPERATORS if name not in operators] + [r for r in REASONS if r not in reasons]
    print(f"{cases} cases in {len(worlds)} worlds, {wrong} wrong; {hashed} vectors; missing: {missing or 'nothing'}")
    sys.exit(1 if wrong or missing else 0)


if __name__ == "__main__":
    main()
