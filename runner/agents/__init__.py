"""prodgen for programs that talk to it: the desk behind the Model Context Protocol."""
