"""One module a kind of measurement; each function prepares one row of the table.

Belongs here: what a row does on one side. Does not belong here: repetition, medians, bars.
May know: everything else in this package but the report.
"""
