#!/usr/bin/env python3
"""Asks for a backend with a stock NATS client and a document typed by hand, and prints what comes back.

    pip install nats-py
    python3 Tests/Interop/schedule_by_hand.py [NATS_URL [CLUSTER [IMAGE [CA]]]]

With CA, the PEM file of an authority, it connects over TLS, as the user of the sample nats-server.conf whose name and password are in the URL.
Follows the public status feed until the backend is Ready, then ends it. Exits 1 if a reply is not the documented one.
"""
import asyncio
import json
import ssl
import sys

import nats


async def main(url="nats://127.0.0.1:4222", cluster="plane.localhost", image="plane-demo", authority=None):
    secure = {"tls": ssl.create_default_context(cafile=authority), "inbox_prefix": "app.inbox"} if authority else {}
    client = await nats.connect(url, **secure)
    token = cluster.replace(".", "_")
    request = {"cluster": cluster, "max_idle_secs": 30, "metadata": {}, "executable": {"image": image, "env": {}}}
    states = await client.subscribe("backend.*.status")

    answer = await client.request(f"cluster.{token}.schedule", json.dumps(request).encode(), timeout=30)
    print("schedule:", answer.data.decode())
    scheduled = json.loads(answer.data)["Scheduled"]
    if set(scheduled) != {"drone", "backend_id", "spawned", "url"} or scheduled["spawned"] is not True:
        sys.exit(f"not the documented reply: {scheduled}")
    backend = scheduled["backend_id"]

    await until(states, backend, "Ready")
    answer = await client.request(
        f"cluster.{token}.backend.{backend}.terminate",
        json.dumps({"cluster_id": cluster, "backend_id": backend}).encode(), timeout=30)
    print("terminate:", answer.data.decode())
    if answer.data != b"null":
        sys.exit("not the documented reply")
    await until(states, backend, "Terminated")

    answer = await client.request(f"cluster.{token}.schedule", b'{"cluster":', timeout=30)
    print("schedule, cut short:", answer.data.decode())
    if "Error" not in json.loads(answer.data):
        sys.exit("what cannot be read should be answered with an error")
    await client.close()
    print("ok")


async def until(states, backend, wanted):
    """Prints the backend's states until it reaches the wanted one."""
    async with asyncio.timeout(60):
        async for message in states.messages:
            state = json.loads(message.data)
            if state["backend"] == backend:
                print("status:", state["state"], state["time"])
                if state["state"] == wanted:
                    return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
