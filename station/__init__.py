"""What people at the dock see and touch."""
