// Placeholder until PlaneStateTests land.
