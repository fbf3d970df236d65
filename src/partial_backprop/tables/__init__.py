"""Tables: one module each, `build(inputs) -> Table`; the stem is the output's stem."""
