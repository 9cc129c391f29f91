"""A Toxiproxy-compatible TCP proxy server: the standard library only, raw asyncio protocols, one process.

It answers the HTTP API of Shopify's Toxiproxy 2.12 (endpoints, status codes, error bodies) and gives the seven toxics
the same effect on bytes, so that any Toxiproxy client drives it. The directory is self-contained: copied into a bare
Python 3.11 container it runs as ``python3 -m toxiproxy``; in a checkout as ``python -m nuclei.network.toxiproxy``.

Where it differs from the original on purpose is written in ``docs/proxy.md``.
"""

#: What ``GET /version`` says: the API level that is imitated, and who imitates it (semver build metadata).
VERSION = "2.12.0+lockquake"
