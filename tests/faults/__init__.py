"""Faults on purpose: processes killed, replies lost, batches doubled; an oracle outside the databases decides.

witness.py   the machine as it is, but every commit of its outbox is also a line in a file
proxy.py     what happens to requests on their way
blows.py     what happens to processes
verdict.py   the file against the databases: lost, doubled, conflicting, unexpected
"""
