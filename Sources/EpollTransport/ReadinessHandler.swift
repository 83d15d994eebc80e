/// Owns a descriptor, and is called by its event loop when the kernel reports something about it. Called on the loop's thread only.
package protocol ReadinessHandler: AnyObject {
    /// The descriptor may have become ready. A hint: what is really so, the next system call says.
    func becameReady(_ events: ReadyEvents)
    /// The turn that was asked for with ``EpollEventLoop/deferTurn(of:)``.
    func runDeferred()
    /// The loop ends. The handler closes its descriptor now.
    func loopEnds()
}

/// What epoll_wait(2) said of a descriptor.
package struct ReadyEvents: OptionSet {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// EPOLLIN: something to read, or the end of it.
    package static let input = ReadyEvents(rawValue: 0x001)
    /// EPOLLOUT: room for something to write.
    package static let output = ReadyEvents(rawValue: 0x004)
    /// EPOLLERR.
    package static let error = ReadyEvents(rawValue: 0x008)
    /// EPOLLHUP: closed in both directions.
    package static let hangUp = ReadyEvents(rawValue: 0x010)
    /// EPOLLRDHUP: the peer will send nothing more.
    package static let inputEnd = ReadyEvents(rawValue: 0x2000)
}
