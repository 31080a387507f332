"""API machinery without sockets: the one write path, patches, server-side apply, schemas and the library
client.
"""
