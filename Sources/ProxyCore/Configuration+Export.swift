// Importing ProxyCore also imports its configuration. That is a module of its own, so that programs can read the table `proxy` of a file without linking the
// proxy.
@_exported import ProxyCoreConfiguration
