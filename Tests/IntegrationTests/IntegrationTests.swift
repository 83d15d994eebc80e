// Placeholder until IntegrationTests land.
