"""The generic resource mechanism: what every ARM resource type shares, written once.

Belongs here: the declaration of a type, the fields its schemas are made of, and the only PUT, PATCH, GET,
list, DELETE and action of the system, with validation, preconditions, gates, quotas, references and plans.
Does not belong here: any particular type (resources), HTTP and OpenAPI (management), the product's
functions (services): what a hook needs of them is passed through unopened as ``services``.
May know: operations, persistence, domain, kernel, settings, marshmallow.
"""
