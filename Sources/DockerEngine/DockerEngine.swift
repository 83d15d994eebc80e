// Placeholder until DockerEngine lands.
