// Placeholder until DroneCoreTests land.
