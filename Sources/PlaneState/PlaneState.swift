// Placeholder until PlaneState lands.
