"""Nodes as Docker containers, every path between them through one Toxiproxy (hub wiring, see docs/wiring.md)."""

from nuclei.platforms.docker.platform import DockerPlatform

__all__ = ["DockerPlatform"]
