// Placeholder until ProxyCoreTests land.
