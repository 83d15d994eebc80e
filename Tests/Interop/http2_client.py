"""A stock HTTP client in front of the proxy: many requests at once on one connection, uploads of known and of unknown length, and large answers.

usage: http2_client.py PORT HOST     (the host's backend is browser_backend.mjs)
"""

import asyncio, sys

import httpx

port, host = int(sys.argv[1]), sys.argv[2]


async def pieces(count, size):
    for _ in range(count):
        yield b"p" * size


async def main():
    async with httpx.AsyncClient(http1=False, http2=True, verify=False, timeout=240, limits=httpx.Limits(max_connections=1)) as client:

        async def ask(number, content=None, length=0):
            request = client.build_request(
                "POST" if content else "GET", f"https://127.0.0.1:{port}/number/{number}", content=content, headers={"host": host},
                extensions={"sni_hostname": host})
            response = await client.send(request)
            assert response.http_version == "HTTP/2", response.http_version
            assert response.status_code == 200 and response.text == f"{number} {length}", (response.status_code, response.text[:200])

        await asyncio.gather(*(ask(number) for number in range(300)))
        await asyncio.gather(*(ask(number, b"k" * 300_000, 300_000) for number in range(8)))
        await asyncio.gather(*(ask(number, pieces(100, 5000), 500_000) for number in range(8)))
    print("all answered")


asyncio.run(main())
