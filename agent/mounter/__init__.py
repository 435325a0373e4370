"""The root helper `muster-mounter`: all that needs root, and only on ports bound to docks."""
