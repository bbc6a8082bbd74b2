"""Where a run starts from an earlier result."""
