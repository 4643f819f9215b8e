"""Risk models: pure functions of frames and arrays. Nothing here sees the warehouse, the ledger or a run."""
