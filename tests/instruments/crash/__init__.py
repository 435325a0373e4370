"""Records what a run does to its disk, and tries every state that a power cut could leave."""
