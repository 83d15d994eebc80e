import CoreMetrics
import Foundation
import PlaneTestSupport
import Testing

@testable import PlaneService

@Suite("Monitoring", .timeLimit(.minutes(10))) struct MonitoringTests {
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
            "plane_drone_parked_containers", "plane_drone_held_backends",
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

    /// What Grafana's schema of a dashboard demands (kinds/dashboard, version 38), as far as ours uses it.
    @Test("the health of a service in docker-compose.yml is judged by metrics that exist, and so is that of an image")
    func health() throws {
        let lines = try ["docker-compose.yml", "dev/Dockerfile"].flatMap { try Repository.text($0).split(separator: "\n") }
            .filter { $0.contains("HEALTH_LINE") }
        let named = lines.map { Self.metrics(in: String($0)) }
        #expect(named.count >= 3 && named.allSatisfy { $0.count == 1 }, "\(lines)")
        #expect(Set(named.joined()).subtracting(MetricCatalogue.help.keys) == [])
    }

    @Test("the dashboard is one as Grafana's schema has it: panels with ids, kinds, units and sources, all with queries under names of their own")
    func dashboard() throws {
        let dashboard = try Self.dashboardDocument()
        #expect(dashboard["schemaVersion"] as? Int == 38 && dashboard["uid"] as? String == "plane" && dashboard["title"] is String)
        let panels = try Self.panels()
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        #expect(Set(panels.compactMap { $0["title"] as? String }).count == panels.count)
        let variables = ((dashboard["templating"] as? [String: Any])?["list"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        for panel in panels {
            let title = try #require(panel["title"] as? String)
            #expect(["stat", "timeseries"].contains(panel["type"] as? String), "\(title)")
            let source = try #require(panel["datasource"] as? [String: String])
            #expect(source["type"] == "prometheus" && variables.map { "${\($0)}" }.contains(source["uid"] ?? ""), "\(title)")
            let defaults = try #require((panel["fieldConfig"] as? [String: Any])?["defaults"] as? [String: Any], "\(title)")
            #expect(defaults["unit"] is String && (panel["fieldConfig"] as? [String: Any])?["overrides"] is [Any], "\(title)")
            let targets = try #require(panel["targets"] as? [[String: Any]])
            #expect(!targets.isEmpty && targets.allSatisfy { ($0["expr"] as? String)?.isEmpty == false }, "\(title)")
            #expect(Set(targets.compactMap { $0["refId"] as? String }).count == targets.count, "\(title)")
        }
    }

    private static let python = ProcessInfo.processInfo.environment["PLANE_TEST_PYTHON"]

    @Test(
        "Grafana's own types have room for all that the dashboard says, and for no key that is spelt in another way",
        .enabled(if: python != nil, "PLANE_TEST_PYTHON names no Python with grafana-foundation-sdk"))
    func grafana() async throws {
        let script = Repository.root.appending(path: "Tests/Interop/dashboard_schema.py").path
        let python = try #require(Self.python)
        let ours = Repository.root.appending(path: "dev/monitoring/grafana-dashboard.json")
        try await TestProcess.run(python, [script, ours.path])
        let directory = try TemporaryDirectory()
        for key in ["gridPos", "legendFormat", "refId", "unit"] {
            let wrong = try String(contentsOf: ours, encoding: .utf8).replacing("\"\(key)\":", with: "\"\(key)s\":")
            try wrong.write(toFile: directory.file("wrong.json"), atomically: true, encoding: .utf8)
            let found = try TestProcess(python, [script, directory.file("wrong.json")])
            #expect(await found.ended() != 0, "\(key)s")
        }
    }

    @Test("no panel of the dashboard covers another, and all lie within its 24 columns")
    func places() throws {
        var taken: [String: String] = [:]
        for panel in try Self.panels() {
            let title = panel["title"] as? String ?? ""
            let place = try #require(panel["gridPos"] as? [String: Int], "\(title)")
            let (x, y) = (try #require(place["x"]), try #require(place["y"]))
            let (width, height) = (try #require(place["w"]), try #require(place["h"]))
            #expect(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 24, "\(title)")
            for column in x..<x + width {
                for row in y..<y + height {
                    let other = taken.updateValue(title, forKey: "\(column) \(row)")
                    #expect(other == nil, "\(title) covers \(other ?? "")")
                }
            }
        }
    }

    @Test(
        "what an operator asks first has a panel",
        arguments: [
            "plane_drone_running_backends", "plane_drone_max_backends", "plane_nats_is_connected", "plane_scheduler_store_bytes",
            "plane_scheduler_silent_drones", "plane_drone_is_draining", "plane_certificate_expiry_timestamp_seconds", "proxy_open_connections",
        ])
    func asked(metric: String) throws {
        let queries = try Self.panels().flatMap { $0["targets"] as? [[String: Any]] ?? [] }.compactMap { $0["expr"] as? String }
        #expect(queries.contains { Self.metrics(in: $0).contains(metric) })
    }

    @Test("Prometheus understands every query of the dashboard", .enabled(if: hasPromtool))
    func queries() async throws {
        let queries = try Self.panels().flatMap { $0["targets"] as? [[String: Any]] ?? [] }.compactMap { $0["expr"] as? String }
        let rules = queries.enumerated().map { index, query in
            "      - record: query_\(index)\n        expr: '\(query.replacing("$__rate_interval", with: "1m").replacing("'", with: "''"))'"
        }
        let directory = try TemporaryDirectory()
        try "groups:\n  - name: dashboard\n    rules:\n\(rules.joined(separator: "\n"))\n"
            .write(toFile: directory.file("rules.yml"), atomically: true, encoding: .utf8)
        try await TestProcess.run("/usr/bin/promtool", ["check", "rules", directory.file("rules.yml")])
    }

    @Test("every alert fires in a test")
    func alertsFire() throws {
        let alerts = try Repository.text("dev/monitoring/alerts.yml").matches(of: #/(?m)^ +- alert: (\w+)$/#).map { String($0.output.1) }
        let tests = try Repository.text("dev/monitoring/alerts_test.yml")
        #expect(alerts.count > 15)
        for alert in alerts {
            #expect(tests.contains(try Regex("alertname: \(alert)\\n +exp_alerts:\\n +- exp_labels")), "\(alert) fires in no test")
        }
    }

    private static func dashboardDocument() throws -> [String: Any] {
        let data = try Data(contentsOf: Repository.root.appending(path: "dev/monitoring/grafana-dashboard.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private static func panels() throws -> [[String: Any]] { try #require(try self.dashboardDocument()["panels"] as? [[String: Any]]) }

    @Test("promtool accepts the configuration, and the alerts do what their tests say", .enabled(if: hasPromtool))
    func promtool() async throws {
        let folder = Repository.root.appending(path: "dev/monitoring").path
        try await TestProcess.run("/usr/bin/promtool", ["check", "config", "\(folder)/prometheus.yml"])
        try await TestProcess.run("/usr/bin/promtool", ["test", "rules", "\(folder)/alerts_test.yml"])
    }
}
