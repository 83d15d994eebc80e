/// The part of a list or table because of which the whole of it cannot be read.
package struct ConfigFault: Hashable, Sendable {
    /// Nil for what mistakes must not show.
    let part: ConfigValue?
    /// Such as `as element 2 of the list`, or `under "ns1.example"`.
    private let place: String

    /// - Parameter index: Counts from 0; people count from 1.
    package init(_ part: ConfigValue?, element index: Int) {
        self.part = part
        self.place = "as element \(index + 1) of the list"
    }

    package init(_ part: ConfigValue?, under name: String) {
        self.part = part
        self.place = "under \(TOMLText.quoted(name))"
    }

    /// The fault of a list that is itself in a table.
    package init(_ fault: ConfigFault, under name: String) {
        self.part = fault.part
        self.place = "\(fault.place) under \(TOMLText.quoted(name))"
    }

    /// A text that follows "found".
    var found: String {
        guard let part = self.part else { return "something else \(self.place) (not shown, it may be secret)" }
        return "\(part.excerpt) \(self.place)"
    }
}
