"""Ports nobody listens on."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def free_range(size: int) -> tuple[int, int]:
    """Return first and last of ``size`` neighbouring loopback ports that were free a moment ago."""
    for _ in range(100):
        first = free_port()
        if first + size <= 65536 and not any(accepts(port) for port in range(first, first + size)):
            return first, first + size - 1
    raise AssertionError("no free range of ports")
