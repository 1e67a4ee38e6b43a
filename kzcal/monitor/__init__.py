"""Constants over time: drifts, change points, alarms, and the IOVs that they cut."""
