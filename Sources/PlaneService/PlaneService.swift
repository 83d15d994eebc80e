// Placeholder until PlaneService lands.
