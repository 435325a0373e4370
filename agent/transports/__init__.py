"""What carries requests to recorders: one adapter for each kind of port."""
