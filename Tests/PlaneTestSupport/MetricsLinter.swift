import Foundation

/// Prometheus's own check of a page of metrics.
package enum MetricsLinter {
    private static let promtool = "/usr/bin/promtool"

    /// Whether it is installed; scripts/test sees to it.
    package static var isThere: Bool { FileManager.default.isExecutableFile(atPath: self.promtool) }

    /// What it finds wrong with the page, in its own words; nothing where it is not installed.
    /// - Parameter response: what a service has answered, head included or not.
    package static func findings(in response: String) async throws -> [String] {
        guard self.isThere else { return [] }
        let page = response.firstRange(of: "\r\n\r\n").map { response[$0.upperBound...] } ?? response[...]
        let directory = try TemporaryDirectory()
        try page.write(toFile: directory.file("metrics"), atomically: true, encoding: .utf8)
        let check = try TestProcess("/bin/sh", ["-c", "'\(self.promtool)' check metrics <'\(directory.file("metrics"))' 2>&1"])
        guard await check.ended() != 0 else { return [] }
        return check.log.isEmpty ? ["promtool is not content"] : check.log
    }
}
