package import ConfigurationReading

/// The settings of one service, read from its file and checked.
package protocol ServiceSettings: ConfigReadable {
    var log: LogConfiguration { get }
    /// The metrics settings of this service, not of another one that reads the same file.
    var metrics: MetricsConfiguration { get }
}
