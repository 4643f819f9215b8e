"""How long things take and what they need, measured on the real chain; every figure comes from a process of its own."""
