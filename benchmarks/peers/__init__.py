"""The deployments that are measured: ours, docker-registry with its token service, and Azure's command line.

Belongs here: how each is configured and started. Does not belong here: what is measured on it.
May know: processes, programs.
"""
