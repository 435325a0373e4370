"""The syscall injector: kills at, and fails at, every system call of whole scenarios."""
