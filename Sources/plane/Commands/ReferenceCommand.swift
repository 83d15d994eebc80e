import ArgumentParser
import ConfigurationFiles
import ConfigurationReading
import PlaneService

/// Prints the sources of dev/docs/configuration.md and of the manual page, so that these agree with the programs.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print the reference of configuration files, or the manual page.", usage: "plane reference <subject>",
        shouldDisplay: false)

    enum Subject: String, CaseIterable, ExpressibleByArgument {
        case controller, drone, manual
    }

    @Argument(help: "Of what.")
    var subject: Subject

    func run() throws {
        switch self.subject {
        case .controller: Console.current.line(ConfigurationReference(of: ControllerConfiguration.self).description)
        case .drone: Console.current.line(ConfigurationReference(of: DroneConfiguration.self).description)
        case .manual: Console.current.line(try ManualPage(PlaneCommand.self).text)
        }
    }
}
