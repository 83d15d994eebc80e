// Placeholder until NATSTests land.
