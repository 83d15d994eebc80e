import ArgumentParser

/// Kills parts of the system while it works, and watches from outside what its users would see. `scripts/chaos` prepares the parts and
/// calls this; a short run is among the tests.
@main
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kill parts of the system under load, and see whether its promises hold.",
        subcommands: [SchedulerChaos.self])
}
