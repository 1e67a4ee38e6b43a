"""When hits come: traced light folded with all that delays it, compared by cell."""
