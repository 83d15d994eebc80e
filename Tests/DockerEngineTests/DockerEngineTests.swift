// Placeholder until DockerEngineTests land.
