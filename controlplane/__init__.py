"""The service: management API, token service, distribution plane and the workers behind them.

Layers, each may import only those below it (checked by import-linter, `make check`):

    __main__                              the `controlplane` command
    app | worker | supervisor             entry points: build the object graph, nothing else
    management | identity | distribution | workers    adapters
    resources                             one small file per ARM resource type
    arm | services                        the generic resource mechanism | business functions
    operations                            durable jobs
    persistence | blobs                   SQL | bytes
    domain                                pure rules
    kernel | settings                     ids, states, errors, clock | configuration
"""
