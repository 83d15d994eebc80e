/// One piece of news about an image on its way to this machine.
package struct PullStep: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// Known of, nothing done yet.
        case waiting
        /// Bytes fetched so far, and of how many.
        case fetching(done: Int64, of: Int64)
        /// Fetched, and being unpacked or about to be.
        case unpacking
        case done
    }

    /// Names the layer within its image.
    package var layer: String
    package var state: State

    package init(layer: String, _ state: State) {
        self.layer = layer
        self.state = state
    }
}
