/// What a source says about a name.
package protocol RouteValue: Equatable, Sendable {
    /// There is no such name.
    static var none: Self { get }
    /// Whether it is remembered, and followed until it changes.
    var isKept: Bool { get }
}

extension RouteValue {
    package var isKept: Bool { self != .none }
}

/// Where a proxy learns what names mean.
///
/// All calls are made on one thread that belongs to the ``RouteDirectory`` alone, so they may block for a moment. A source is one of the two kinds below,
/// depending on whether it notices changes by itself.
package protocol RouteSource<Value>: Sendable {
    associatedtype Value: RouteValue

    /// What `name` means now. For an unknown name this is `none`, not an error.
    func route(_ name: String) throws -> Value
}

/// A source that has to be asked whether something has changed, such as a file that other processes write.
package protocol PolledRouteSource<Value>: RouteSource {
    /// What has changed since an earlier answer; asked every few milliseconds while there is traffic.
    ///
    /// - Parameter version: The version in that answer; nil the first time.
    func changes(since version: Int64?) throws -> RouteChanges
}

/// A source that notices by itself when something has changed, such as one that follows a stream.
package protocol PushingRouteSource<Value>: RouteSource {
    /// Calls `changed`, on any thread, with names whose meaning may have changed. Called once, before the first name is asked for.
    func subscribe(_ changed: @escaping @Sendable ([String]) -> Void)
}

package struct RouteChanges: Equatable, Sendable {
    package enum Names: Equatable, Sendable {
        /// Only these names; names that nobody has asked for may be among them, and cost nothing.
        case listed([String])
        /// The source cannot tell which names have changed.
        case any
    }

    /// The argument for the next call of ``PolledRouteSource/changes(since:)``.
    package var version: Int64
    package var names: Names

    package init(version: Int64, names: Names) {
        self.version = version
        self.names = names
    }
}
