/// The result of one check: how serious it is, what was found, and what to do about it.
package struct DoctorFinding: Hashable, Sendable {
    package enum Level: String, Sendable, CaseIterable {
        case good, notice, bad
    }

    package var level: Level
    /// The subject of the check, in a word or two.
    package var check: String
    /// What was found, in a sentence.
    package var text: String
    /// What to do about it.
    package var advice: String?

    package init(_ level: Level, _ check: String, _ text: String, advice: String? = nil) {
        self.level = level
        self.check = check
        self.text = text
        self.advice = advice
    }
}
