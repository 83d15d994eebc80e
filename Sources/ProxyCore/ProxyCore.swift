// Placeholder until ProxyCore lands.
