"""The door to Git: the only package that runs it or imports a library for it."""

from gitrel.repo.git.failures import GitFailed, HistoryRewritten, Locked, RepositoryDamaged
from gitrel.repo.git.repository import GitRepository, Head, RefUpdate

__all__ = [
    "GitFailed",
    "GitRepository",
    "Head",
    "HistoryRewritten",
    "Locked",
    "RefUpdate",
    "RepositoryDamaged",
]
