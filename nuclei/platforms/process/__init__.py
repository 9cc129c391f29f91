"""Platform ``process``: child processes on loopback addresses, no containers."""

from nuclei.platforms.process.platform import ProcessPlatform

__all__ = ["ProcessPlatform"]
