// Placeholder until NATS lands.
