// Whoever uses the proxy sees what it can be told. A module of its own, so that programs can read the proxy's part of a file without the proxy.
@_exported import ProxyCoreConfiguration
