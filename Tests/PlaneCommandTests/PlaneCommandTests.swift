// Placeholder until PlaneCommandTests land.
