"""Configuration: every setting of the service, read from the environment.

Belongs here: names, types, defaults and ranges of settings. Does not belong here: anything acting on them.
May know: the standard library and pydantic-settings.
"""
