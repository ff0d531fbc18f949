"""The assistant: answers with the old voice or the new one, as the flag says, and says when that changes.

    agent.py --server http://127.0.0.1:8013 --flag elevenlabs_agent

flagd's provider in process: all flags come here, and are evaluated here.
"""

import argparse
import json
import threading
from datetime import datetime, timezone
from urllib.parse import urlsplit

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default="http://127.0.0.1:8013")
    parser.add_argument("--flag", default="elevenlabs_agent")
    options = parser.parse_args()
    where = urlsplit(options.server)
    client = api.get_client()
    context = EvaluationContext("agent-1")
    known = []
    lock = threading.Lock()

    def look(_details=None):
        with lock:
            value = client.get_boolean_value(options.flag, False, context)
            if known == [value]:
                return
            known[:] = [value]
            at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {"at": at, "service": "agent", "flag": options.flag, "value": value}
            print(json.dumps(line), flush=True)

    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, look)
    api.set_provider_and_wait(
        FlagdProvider(host=where.hostname, port=where.port, resolver_type=ResolverType.IN_PROCESS)
    )
    look()
    threading.Event().wait()


main()
