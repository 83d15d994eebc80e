import ArgumentParser
import PlaneDoctor
import PlaneProtocol

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Examine a running system, and say what to do about what is wrong.", usage: "plane doctor [options]",
        discussion: """
            Looks at NATS, its streams and how full their store is; schedulers and clocks; and for every drone at its agent, Docker, proxy, version, \
            disks, firewall and certificate. Of each cluster with a running backend it looks the name of one up. All that as seen from this machine, \
            within some ten seconds. The exit status is 1 if anything is bad.
            """)

    @Option(help: ArgumentHelp("Where drones serve HTTPS. Default: what each says of itself, or 443.", valueName: "port"))
    var httpsPort: UInt16?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let report = try await Doctor(client, httpsPort: self.httpsPort).report()
            let findings = [DoctorFinding(.good, "nats", "Connected.")] + report.findings
            if self.global.json {
                console.json(findings)
            } else {
                for line in findings.flatMap({ $0.lines(console) }) { console.line(line) }
            }
            let count = findings.count { $0.level == .bad }
            guard count == 0 else {
                throw CommandError(.failed, count == 1 ? "One thing is bad." : "\(count) things are bad.")
            }
        }
    }
}
