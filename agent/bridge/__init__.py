"""The helper process in which a vendor's library is loaded; nothing of the agent imports it."""
