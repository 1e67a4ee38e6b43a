"""PointNet on the neutron captures around a decay, for long-lived spallation."""
