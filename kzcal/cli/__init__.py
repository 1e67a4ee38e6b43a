"""The command line: one short module per command group, heavy imports inside the commands."""
