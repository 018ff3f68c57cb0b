"""Processes of one machine: what `controlplane up` starts, watches and stops.

Belongs here: the process table, restarts, log files, certificates of the local authority, the first start,
the command line profile it writes, and the loopback port of each registry, opened here and handed to the
web processes.
Does not belong here: anything a request or an operation needs; the service runs without this package, under
any other process manager.
May know: services, persistence, domain, kernel, settings. Starts the other entry points as programs and
never imports them.
"""
