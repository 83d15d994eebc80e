import ArgumentParser
import PlanBPolicy

/// A duration on the command line, in the format of Go's programs.
package struct GoDurationArgument: ExpressibleByArgument, Sendable {
    package let value: Duration

    package init?(argument: String) {
        guard let value = GoDuration.parse(argument), value >= .zero else { return nil }
        self.value = value
    }

    package var defaultValueDescription: String { GoDuration.text(self.value) }
}
