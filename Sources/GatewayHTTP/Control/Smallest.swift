/// The smallest of many elements, with memory for a few times as many as are wanted.
struct Smallest<Element> {
    private let limit: Int
    private let isLess: (Element, Element) -> Bool
    private var elements: [Element] = []

    /// How many were added, those included that were not among the smallest.
    private(set) var count = 0

    /// - Parameter limit: how many are wanted; at least 1.
    init(_ limit: Int, _ isLess: @escaping (Element, Element) -> Bool) {
        self.limit = limit
        self.isLess = isLess
    }

    mutating func add(_ element: Element) {
        self.count += 1
        self.elements.append(element)
        // Sorted seldom, so that an element costs little.
        if self.elements.count >= 4 * self.limit { self.elements = self.sorted }
    }

    /// At most `limit`, in their order.
    var sorted: [Element] { Array(self.elements.sorted(by: self.isLess).prefix(self.limit)) }
}
