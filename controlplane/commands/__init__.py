"""The subcommands of `controlplane`, one module a group, loaded when they are called.

Belongs here: options, messages, exit codes. Does not belong here: what the commands do.
May know: everything below it.
"""
