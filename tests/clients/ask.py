"""Asks a stock OpenFeature provider of Python what a line of JSON asks, and answers with a line of JSON.

    ask.py ofrep|rpc|in-process http://127.0.0.1:8013

A question: {"type": "boolean", "key": "dreams", "default": false, "context": {"targetingKey": "ana"}}.
With MYCELIA_BEARER the OFREP provider sends that token.
"""

import json
import os
import sys
from urllib.parse import urlsplit

from openfeature import api
from openfeature.evaluation_context import EvaluationContext


def provider(kind, url):
    if kind == "ofrep":
        from openfeature.contrib.provider.ofrep import OFREPProvider

        token = os.environ.get("MYCELIA_BEARER")
        headers = (lambda: {"Authorization": f"Bearer {token}"}) if token else None
        return OFREPProvider(base_url=url, headers_factory=headers)
    if kind in ("rpc", "in-process"):
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType

        where = urlsplit(url)
        return FlagdProvider(host=where.hostname, port=where.port, resolver_type=ResolverType(kind))
    raise SystemExit(f"no provider is called {kind}")


def main():
    kind, url = sys.argv[1:]
    api.set_provider_and_wait(provider(kind, url))
    client = api.get_client()
    ask = {
        "boolean": client.get_boolean_details,
        "string": client.get_string_details,
        "integer": client.get_integer_details,
        "float": client.get_float_details,
        "object": client.get_object_details,
    }
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        attributes = dict(question.get("context") or {})
        context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
        details = ask[question["type"]](question["key"], question["default"], context)
        answer = {
            "value": details.value,
            "variant": details.variant,
            "reason": details.reason,
            "error": details.error_code,
            "message": details.error_message,
        }
        print(json.dumps(answer), flush=True)
    api.shutdown()


main()
