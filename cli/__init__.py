"""The command line, `acrctl`: a client of the service that knows its wire and nothing of its code.

Belongs here: declaring commands, talking HTTP to the management API, the token service, Graph and a
registry's data plane, and printing. Does not belong here: rules that the service enforces; it is asked,
and its answer is shown. Imports nothing of `controlplane`.

Start-up time is a feature, so the rule of this package is: a module may import `click` and light parts of
the standard library at its top, everything else (`requests`, `yaml`, `jmespath`) inside the function that
needs it. Help is printed from the table in `tree` without importing a single command.

    __main__                     the program
    app, argv, help              click commands made of declarations
    tree                         groups, commands and their one-line summaries
    commands                     declarations: options, examples, the function that calls
    session                      what a command is given: profile, clients, messages
    arm, graph, dataplane, lro   the four conversations
    http, tokens                 one transport, one cache of access tokens
    profiles, files              what is kept on disk
    shapes, render, query        from the wire to the terminal
    spec, options, errors        the vocabulary of all of the above
"""
