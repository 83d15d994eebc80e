/// What this program is.
package enum BuildInformation {
    /// Told by `--version`, and by an agent when it registers.
    package static let version = "0.4.0"
}
