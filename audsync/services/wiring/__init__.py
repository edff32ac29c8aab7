"""What every use case works with, put together once: configuration, store, keys, connectors."""
