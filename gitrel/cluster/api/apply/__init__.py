"""Server-side apply as pure values: typed schemas, field sets, merging, ownership and its conflicts."""
