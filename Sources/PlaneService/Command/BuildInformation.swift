/// What this program is.
package enum BuildInformation {
    /// Told by `--version`, by an agent when it registers, and by packages. A calendar version, year, month and count within the month: it is none of
    /// Plane's numbers (0.3, 0.4 …), and package managers take it for newer than those. `dev/docs/changes.md` begins with it.
    package static let version = "2026.11.0"
}
