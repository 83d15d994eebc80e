/// What a name means, as a source says it.
package protocol RouteMeaning: Equatable, Sendable {
    /// Nobody knows the name.
    static var none: Self { get }
}

/// Where a proxy learns what names mean.
///
/// All calls are made on one thread that belongs to the ``RouteDirectory`` alone, so they may block for a moment; they are never made on an
/// event loop that carries traffic. A source is one of the two kinds below, depending on who knows first that something has changed.
package protocol RouteSource<Meaning>: Sendable {
    associatedtype Meaning: RouteMeaning

    /// What `name` means now. A name nobody knows is `none`, not an error.
    func route(_ name: String) throws -> Meaning
}

/// A source that has to be asked what has changed, such as a file that other processes write.
package protocol PolledRouteSource<Meaning>: RouteSource {
    /// What has changed since an earlier answer of this; asked every few milliseconds while there is traffic.
    ///
    /// - Parameter version: Of that answer; nil for the first time.
    func changes(since version: Int64?) throws -> RouteChanges
}

/// A source that knows by itself when something has changed, such as one that follows a stream.
package protocol PushingRouteSource<Meaning>: RouteSource {
    /// Calls `changed`, on any thread, with names whose answers may be others from now on. Called once, before any route is asked for.
    func subscribe(_ changed: @escaping @Sendable ([String]) -> Void)
}

package struct RouteChanges: Equatable, Sendable {
    package enum Names: Equatable, Sendable {
        /// These and no others; those that nobody has asked for may be among them, and cost nothing.
        case listed([String])
        /// The source cannot tell which.
        case any
    }

    /// What to ask with the next time.
    package var version: Int64
    package var names: Names

    package init(version: Int64, names: Names) {
        self.version = version
        self.names = names
    }
}
