// Placeholder until DroneCore lands.
