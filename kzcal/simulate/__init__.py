"""From a decay to reported hits: sources, transport, light and response in a row."""
