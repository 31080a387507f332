"""The hostile requests that a cluster's API has to bear, and where each is tried.

| row | what is sent | what has to come of it | tests |
| --- | --- | --- | --- |
| 111 | no, junk and expired tokens; a token in the query | 401; queries are not read for tokens | \
test_access.test_nobody_gets_in, test_access.test_a_token_in_the_query_is_worth_nothing, \
test_tokens.test_a_token_is_over_when_its_time_is, test_tokens.test_a_token_that_was_changed_is_nobody_s |
| 112 | path tricks, NUL, very long paths, CONNECT and TRACE | 404, 400, 405, 414 | \
test_hardening.test_tricks_with_paths_and_methods_lead_nowhere |
| 113 | bad, deep and repeated JSON, NaN, 1 GB, chunk abuse, gzip bombs | 400 or 413, memory stays flat | \
test_hardening.test_bodies_that_make_no_sense, test_hardening.test_bodies_that_are_too_large_cost_nothing, \
test_hardening.test_yaml_bombs_do_not_go_off, test_strangers.test_compressed_bodies_are_not_unpacked, \
test_verbs.test_unknown_and_repeated_fields_are_told_of |
| 114 | JSON patches with huge indexes, endless tests, moves into own children; merges of lists | \
400, 413 or 422 | test_hardening.test_json_patches_that_make_no_sense, \
test_hardening.test_too_many_steps_in_a_patch, test_strangers.test_merge_patches_that_are_no_objects |
| 115 | selectors made to be slow | linear time | test_hardening.test_selectors_take_linear_time |
| 116 | a thousand watches that are never read | told 410, memory bounded | \
test_watches.test_a_reader_that_never_reads_is_let_go, test_rows.test_a_thousand_watches_that_nobody_reads |
| 117 | foreign Host and Origin, forms and WebSockets of other sites | 403 or 415 | \
test_access.test_pages_of_other_origins_are_refused, \
test_strangers.test_forms_of_other_sites_are_no_requests, \
test_strangers.test_sockets_of_other_sites_are_refused |
| 118 | scripts in names and annotations | data, never a page | \
test_strangers.test_scripts_in_names_come_back_as_data |
| 120 | impersonation, deletecollection and status writes without the right | 403 as Kubernetes | \
test_strangers.test_what_no_role_allows, test_strangers.test_nobody_becomes_somebody_else |
| 121 | names that are none, other namespaces than the path's, generated ones that collide | 422, 400, 409 | \
test_strangers.test_names_that_are_none, test_strangers.test_objects_of_other_places, \
test_rows.test_generated_names_that_are_all_taken |

Beside them stands `tests/fuzz`, which sends everything else.
"""

from __future__ import annotations

import re
import resource
import socket
import ssl
from contextlib import ExitStack
from importlib import import_module

from gitrel.cluster.server.serving import Serving
from tests.cluster.server.client import CONFIG_MAPS, Api, config_map
from tests.waiting import until

_WATCHES = 1000


def test_every_test_that_is_named_here_is_there() -> None:
    """The table cannot promise what nobody tries."""
    named = re.findall(r"(test_\w+)\.(test_\w+)", __doc__ or "")
    assert len(named) > 15
    for module, function in named:
        assert hasattr(import_module(f"tests.cluster.server.{module}"), function), f"{module}.{function}"


def unread(api: Api, stack: ExitStack, path: str) -> ssl.SSLSocket:
    """A watch whose client sends its request and looks at nothing."""
    assert api.url.hostname and api.url.port
    plain = stack.enter_context(socket.create_connection((api.url.hostname, api.url.port), timeout=60))
    secured = stack.enter_context(api.tls.wrap_socket(plain, server_hostname=api.url.hostname))
    secured.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return secured


def test_a_thousand_watches_that_nobody_reads(api: Api, server: Serving) -> None:
    """Two megabytes of events for each, two gigabytes in all: little of it is ever held, writers are
    answered, and who reads at last is told that it is too late."""
    made = api.post(CONFIG_MAPS, config_map("unread"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ExitStack() as stack:
        path = f"{CONFIG_MAPS}?watch=true&resourceVersion={made['metadata']['resourceVersion']}"
        watches = [unread(api, stack, path) for _ in range(_WATCHES)]
        until(lambda: server.engine.hub.watching >= _WATCHES, "every watch is begun")
        for number in range(8):
            body = {**made, "data": {"a": str(number) * 250_000}}
            answer = api.call("PUT", f"{CONFIG_MAPS}/unread", body)
            assert answer.code == 200
            made = answer.json
        server.call(lambda cluster: cluster.store.compact(cluster.store.revision))
        late = b""
        while b"Expired" not in late[-2000:]:
            part = watches[0].recv(65536)
            assert part, "the watch ended without a word"
            late = late[-2000:] + part
    held_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert held_kib < 400_000, f"{held_kib} KiB for {_WATCHES} watches"


def test_generated_names_that_are_all_taken(api: Api) -> None:
    """A collision is tried again with another name, and 409 comes only when every try met one."""
    sent = {"metadata": {"generateName": "drawn-"}}
    taken = set()
    for _ in range(8):
        # A dry run gives back what it drew: the next creation draws the same.
        name = api.call("POST", f"{CONFIG_MAPS}?dryRun=All", sent).json["metadata"]["name"]
        assert api.call("POST", CONFIG_MAPS, config_map(name)).code == 201
        taken.add(name)
    assert len(taken) == 8
    code, reason, _ = api.call("POST", CONFIG_MAPS, sent).said
    assert (code, reason) == (409, "AlreadyExists")
    again = api.call("POST", CONFIG_MAPS, sent)
    assert again.code == 201 and again.json["metadata"]["name"] not in taken
