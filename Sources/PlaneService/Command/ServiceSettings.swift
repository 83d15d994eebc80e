package import ConfigurationReading

/// The configuration of one service: what it needs of its file, found and checked.
package protocol ServiceSettings: ConfigReadable {
    var log: LogConfiguration { get }
    /// Of this service, not of another one that reads the same file.
    var metrics: MetricsConfiguration { get }
}
