import CoreMetrics
import Foundation
import PlaneTestSupport
import Testing

@testable import PlaneService

@Suite("Monitoring", .timeLimit(.minutes(2))) struct MonitoringTests {
    static let hasPromtool = FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")

    /// Names of metrics in a text; those of histograms without what Prometheus adds.
    private static func metrics(in text: String) -> Set<String> {
        let names = text.matches(of: #/\b(?:plane|proxy|process)_[a-z_]+\b/#).map { String($0.output) }
        return Set(
            // The stream of that name is no metric.
            names.filter { $0 != "plane_state" }.map { name in
                for suffix in ["_bucket", "_sum", "_count"] where MetricCatalogue.help[String(name.dropLast(suffix.count))] != nil && name.hasSuffix(suffix) {
                    return String(name.dropLast(suffix.count))
                }
                return name
            })
    }

    @Test("every metric that the sources make is in the catalogue with its meaning, and no other")
    func catalogue() throws {
        let label = #/(?:label: |count\(|Tally\()"((?:plane|proxy)_[a-z_]+)"/#
        var made: Set<String> = []
        for file in try Repository.files(in: "Sources", suffix: ".swift") {
            made.formUnion(try Repository.text(file).matches(of: label).map { String($0.output.1) })
        }
        let own = MetricCatalogue.help.keys.filter { !$0.hasPrefix("process_") }
        #expect(made.subtracting(own) == [])
        #expect(Set(own).subtracting(made) == [])
    }

    @Test("names of metrics end in their unit or say that they count", arguments: MetricCatalogue.help.keys.sorted())
    func units(name: String) throws {
        let sentence = try #require(MetricCatalogue.help[name])
        #expect(sentence.hasSuffix("."))
        let isNumberOfThings = [
            "plane_dns_names", "plane_dns_zones", "plane_build_info", "proxy_open_connections", "proxy_open_tunnels", "proxy_held_requests",
            "plane_scheduler_state_messages", "plane_drone_running_backends", "plane_drone_max_backends", "plane_drone_free_sandboxes",
            "plane_scheduler_silent_drones", "plane_tier_backends", "plane_tier_revocations", "plane_tier_tokens",
        ].contains(name)
        let ends = ["_total", "_seconds", "_bytes", "_fds", "_is_connected", "_is_current", "_is_draining", "_is_known", "_is_usable", "_sequence"]
        #expect(isNumberOfThings || ends.contains { name.hasSuffix($0) })
    }

    /// As the sources make them, each with its kind.
    @Test("promtool's linter finds nothing in the metrics of any service", .enabled(if: hasPromtool))
    func linted() async throws {
        let registry = PrometheusRegistry(help: MetricCatalogue.help)
        let made = #/(Counter|Tally|count|Meter|Gauge|Timer|Recorder)\(\s*(?:label: )?"((?:plane|proxy|process)_[a-z_]+)"/#
        for file in try Repository.files(in: "Sources", suffix: ".swift") {
            for match in try Repository.text(file).matches(of: made) {
                let name = String(match.output.2)
                switch match.output.1 {
                case "Timer": registry.makeTimer(label: name, dimensions: []).recordNanoseconds(1)
                case "Meter", "Gauge", "Recorder": registry.makeMeter(label: name, dimensions: []).set(1.0)
                default: registry.makeCounter(label: name, dimensions: []).increment(by: 1)
                }
            }
        }
        let text = registry.text + ProcessSample.read().text
        for name in MetricCatalogue.help.keys where !name.hasPrefix("process_") { #expect(text.contains("# TYPE \(name) ")) }
        let directory = try TemporaryDirectory()
        try text.write(toFile: directory.file("metrics"), atomically: true, encoding: .utf8)
        try await TestProcess.run("/bin/sh", ["-c", "/usr/bin/promtool check metrics <'\(directory.file("metrics"))' 2>&1"])
    }

    @Test("alerts and dashboard name only metrics that exist", arguments: ["alerts.yml", "alerts_test.yml", "grafana-dashboard.json"])
    func exist(file: String) throws {
        let named = Self.metrics(in: try Repository.text("dev/monitoring/\(file)"))
        #expect(!named.isEmpty)
        #expect(named.subtracting(MetricCatalogue.help.keys) == [])
    }

    @Test("the dashboard is JSON that Grafana takes: panels with ids and places of their own, all with a query")
    func dashboard() throws {
        let data = try Data(contentsOf: Repository.root.appending(path: "dev/monitoring/grafana-dashboard.json"))
        let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        #expect(Set(panels.compactMap { ($0["gridPos"] as? [String: Int])?.description }).count <= panels.count)
        for panel in panels {
            let targets = try #require(panel["targets"] as? [[String: Any]])
            #expect(targets.allSatisfy { ($0["expr"] as? String)?.isEmpty == false })
        }
    }

    @Test("promtool accepts the configuration, and the alerts do what their tests say", .enabled(if: hasPromtool))
    func promtool() async throws {
        let folder = Repository.root.appending(path: "dev/monitoring").path
        try await TestProcess.run("/usr/bin/promtool", ["check", "config", "\(folder)/prometheus.yml"])
        try await TestProcess.run("/usr/bin/promtool", ["test", "rules", "\(folder)/alerts_test.yml"])
    }
}
