"""Reads a dashboard with Grafana's own types (grafana-foundation-sdk), writes it again, and tells what they did not know: keys that are lost, values that change."""
import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(ours, theirs, place):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs:
                yield f"{place}.{key} is no key of Grafana's"
            else:
                yield from differences(value, theirs[key], f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{place}[{index}]")
    elif ours != theirs:
        yield f"{place}: {ours!r} became {theirs!r}"


plugins.register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
read = Dashboard.from_json(json.loads(text))
found = list(differences(json.loads(text), json.loads(JSONEncoder().encode(read)), "dashboard"))
print("\n".join(found) or "Grafana's types have room for all of it.")
sys.exit(1 if found else 0)
