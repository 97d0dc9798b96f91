"""Where files come from: one module a source, and what two of them share in a module of its own."""
