"""Pure rules of the product: ids and scopes, names, tiers, permissions, references.

Belongs here: functions and frozen values that decide something from their arguments alone.
Does not belong here: I/O, SQL, HTTP, time that is not passed in.
May know: kernel.
"""
