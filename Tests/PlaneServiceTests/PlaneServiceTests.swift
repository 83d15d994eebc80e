// Placeholder until PlaneServiceTests land.
