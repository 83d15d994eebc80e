// Placeholder until DroneStoreTests land.
