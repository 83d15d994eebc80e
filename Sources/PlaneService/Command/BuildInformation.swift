/// The version of this program.
package enum BuildInformation {
    /// Shown by `--version`, and used by an agent when it registers, and by packages. It is a calendar version: year, month, and a count within the month. So
    /// it is none of Plane's versions (0.3, 0.4 …), and package managers take it for newer than these. `dev/docs/changes.md` begins with it.
    package static let version = "2026.11.0"
}
