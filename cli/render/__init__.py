"""Printing results: one object in, text of one of the output formats out.

Formats follow what scripts written for az expect: sorted JSON, `simple` tables, tab separated values in
which nested values are empty. Nothing here knows commands or HTTP.
"""
