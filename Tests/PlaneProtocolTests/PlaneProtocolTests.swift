// Placeholder until PlaneProtocolTests land.
