"""The bundled cluster over HTTPS, as kubectl and every other client know it."""
