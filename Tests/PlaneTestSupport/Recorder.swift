import Synchronization

/// Writes down what it is told, and lets tests wait for more.
package final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    package init() {}

    package var all: [Element] { self.elements.withLock { $0 } }

    package func record(_ element: Element) { self.elements.withLock { $0.append(element) } }
}
