"""Records the blocks a real file system writes, and mounts every state that a cut could leave."""
