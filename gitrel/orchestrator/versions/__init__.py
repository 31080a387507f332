"""Making versions and keeping them whole: cut, record, backport, list, qualify. No cluster is touched."""
