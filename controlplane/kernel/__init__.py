"""What every layer shares: clock, ids, states and the error catalogue.

Belongs here: values and functions without I/O that name something of the whole system.
Does not belong here: rules of the product (domain), settings, anything that opens a file or socket.
May know: the standard library only.
"""
