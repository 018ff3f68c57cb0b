"""The resource types, one small file each, and the endpoints that belong to no type.

Belongs here: a module per type with its declaration ``RESOURCE``, what its hooks and steps do, and further
modules named after it. Modules with ``ENDPOINTS`` declare routes beside the types.
Does not belong here: anything that types share (arm), business functions (services), HTTP (management).
May know: arm, services, operations, persistence, domain, kernel, settings. Types do not import each other; a
parent is named by its type string. Adding a type adds a file here and edits none.
"""
