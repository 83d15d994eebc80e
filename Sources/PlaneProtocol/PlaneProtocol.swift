// Placeholder until PlaneProtocol lands.
