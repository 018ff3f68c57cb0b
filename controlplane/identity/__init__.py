"""The identity endpoints: token service, OpenID discovery, cloud metadata, and the directory API.

Belongs here: what clients of Entra ID and Microsoft Graph send and expect, as Flask blueprints.
Does not belong here: who may do what, how secrets and tokens are checked or made (services); ARM.
May know: services, persistence's errors, domain, kernel, settings, Flask.
"""
