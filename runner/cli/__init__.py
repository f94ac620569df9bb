"""The commands: what is typed, what is shown; one module a command."""
