import ArgumentParser
import PlanBPolicy

/// A span of time on the command line, as Go's programs write it.
package struct GoDurationArgument: ExpressibleByArgument, Sendable {
    package let value: Duration

    package init?(argument: String) {
        guard let value = GoDuration.parse(argument), value >= .zero else { return nil }
        self.value = value
    }

    package var defaultValueDescription: String { GoDuration.text(self.value) }
}
