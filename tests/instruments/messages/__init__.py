"""Two hundred thousand hostile messages at the index's intake and the agent's shipper."""
