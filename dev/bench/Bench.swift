import ArgumentParser

/// Measures the product against its peers in the same run. `scripts/bench` prepares the parts and calls this.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure plane against its peers, in the same run.",
        subcommands: [
            ColdStart.self, AgentCost.self, FreezeBench.self, SchedulerBench.self, CleaningBench.self, GatewayBench.self, TierRoutesBench.self,
            ZoneLookups.self,
        ])
}
