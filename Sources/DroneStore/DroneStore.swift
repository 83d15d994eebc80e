// Placeholder until DroneStore lands.
