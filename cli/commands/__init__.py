"""Declarations of commands, one small file per group.

A command is declare, call, print: a `Command` value names its options, examples and table columns, and a
function that asks the service and returns an object. It never prints a result; the renderer does. A module
offers its commands in a mapping `COMMANDS`, and `cli.tree` says under which names they are found.
"""
